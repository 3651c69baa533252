import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { durationText, parseDuration } from '../../../src/config/duration.ts';

describe('durations as Go writes them', () => {
  test.each<[string, number | undefined]>([
    ['0', 0],
    ['0s', 0],
    ['0h0m0s', 0],
    ['30s', 30_000],
    ['1h2m3s', 3_723_000],
    ['24h0m0s', 86_400_000],
    ['1.5s', 1_500],
    ['.5s', 500],
    ['5.s', 5_000],
    ['250ms', 250],
    ['3m1.25s', 181_250],
    ['10us', 0.01],
    ['10µs', 0.01],
    ['10μs', 0.01],
    ['1ms1ns', 1.000001],
    ['+5s', 5_000],
    ['-5s', -5_000],
    ['-0s', 0],
    ['2m2m', 240_000],
    ['2562047h', 9_223_369_200_000],
    ['2562048h', undefined],
    ['', undefined],
    ['s', undefined],
    ['.s', undefined],
    ['-', undefined],
    ['30', undefined],
    ['1d', undefined],
    ['30S', undefined],
    ['1h 2m', undefined],
    ['1h2', undefined],
    ['--5s', undefined],
    ['five seconds', undefined],
  ])('%j is %j ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  test.each<[number, string]>([
    [0, '0s'],
    [0.000001, '1ns'],
    [0.0015, '1.5µs'],
    [1, '1ms'],
    [1.5, '1.5ms'],
    [999.5, '999.5ms'],
    [1_000, '1s'],
    [1_500, '1.5s'],
    [60_000, '1m0s'],
    [61_250, '1m1.25s'],
    [900_000, '15m0s'],
    [3_600_000, '1h0m0s'],
    [3_723_000, '1h2m3s'],
    [86_400_000, '24h0m0s'],
    [86_399_999.999, '23h59m59.999999s'],
  ])('%j ms is written %j', (ms, text) => {
    expect(durationText(ms)).toBe(text);
  });

  test('what is written is read back', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 42 }), (ms) => {
        expect(parseDuration(durationText(ms))).toBeCloseTo(ms, 3);
      }),
    );
  });
});
