import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mean, percentile, summarize } from './statistics.ts';

const samples = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 200 });

describe('percentile', () => {
  it.each([
    [1, 1],
    [50, 50],
    [90, 90],
    [99, 99],
    [100, 100],
    [0.5, 1],
    [99.5, 100],
  ])('p%d of 1 to 100 is %d', (percent, expected) => {
    const shuffled = Array.from({ length: 100 }, (_, i) => ((i * 37) % 100) + 1);
    expect(percentile(shuffled, percent)).toBe(expected);
  });

  it.each([
    [[7], 50, 7],
    [[7], 1, 7],
    [[1, 2], 50, 1],
    [[1, 2], 51, 2],
    [[3, 1, 2], 50, 2],
    [[5, 1, 4, 2, 3], 90, 5],
    [[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 90, 9],
  ] as const)('of %j, p%d is %d', (few, percent, expected) => {
    expect(percentile(few, percent)).toBe(expected);
  });

  it('is a sample that at least so many samples do not exceed, and the least such one', () => {
    fc.assert(
      fc.property(samples, fc.integer({ min: 1, max: 100 }), (values, percent) => {
        const found = percentile(values, percent);
        const atMost = (limit: number) => values.filter((value) => value <= limit).length;
        const needed = (percent * values.length) / 100;
        expect(values).toContain(found);
        expect(atMost(found)).toBeGreaterThanOrEqual(needed);
        expect(values.filter((value) => value < found).length).toBeLessThan(needed);
      }),
    );
  });

  it.each([0, -1, 101, Number.NaN])('refuses p%d', (percent) => {
    expect(() => percentile([1], percent)).toThrow(/percent must be/);
  });
});

describe('summarize', () => {
  it('does not touch the samples', () => {
    const values = Object.freeze([3, 1, 2]);
    expect(summarize(values)).toEqual({ n: 3, p50: 2, p90: 3, p99: 3, max: 3 });
  });

  it('orders its percentiles', () => {
    fc.assert(
      fc.property(samples, (values) => {
        const { n, p50, p90, p99, max } = summarize(values);
        expect([p50, p90, p99, max]).toEqual([p50, p90, p99, max].toSorted((a, b) => a - b));
        expect(n).toBe(values.length);
        expect(max).toBe(Math.max(...values));
      }),
    );
  });

  it('says that there is nothing to summarize', () => {
    expect(() => summarize([])).toThrow(RangeError);
    expect(() => mean([])).toThrow(RangeError);
  });
});

it('averages', () => {
  expect(mean([1, 2, 6])).toBe(3);
});
