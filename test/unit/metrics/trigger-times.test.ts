import { describe, expect, it } from 'vitest';
import { TriggerTimes, triggerTimeOf } from '../../../src/metrics/trigger-times.ts';

const START = 1_000_000;

describe('TriggerTimes', () => {
  it('tells how long each change took', () => {
    const times = new TriggerTimes(START);
    times.record('ipv4', 'demo/web', 'demo/web-1', START + 100);
    times.record('ipv4', 'demo/web', 'demo/web-1', START + 300);
    times.record('ipv4', 'demo/db', 'demo/db-1', START + 200);
    expect(times.synced('ipv4', START + 1_000)).toEqual([900, 700, 800]);
    expect(times.synced('ipv4', START + 2_000)).toEqual([]);
  });

  it('ignores what happened before the start', () => {
    const times = new TriggerTimes(START);
    times.record('ipv4', 'demo/web', 'demo/web-1', START);
    expect(times.synced('ipv4', START + 1_000)).toEqual([]);
  });

  it('counts a time once, however often the slice is told again', () => {
    const times = new TriggerTimes(START);
    times.record('ipv4', 'demo/web', 'demo/web-1', START + 100);
    times.synced('ipv4', START + 200);
    times.record('ipv4', 'demo/web', 'demo/web-1', START + 100);
    expect(times.synced('ipv4', START + 900_000)).toEqual([]);
  });

  it('keeps what arrives during a sync for the next, and what a failed one had in hand', () => {
    const times = new TriggerTimes(START);
    times.record('ipv4', 'demo/web', 'demo/web-1', START + 100);
    times.syncStarted('ipv4');
    times.record('ipv4', 'demo/web', 'demo/web-1', START + 200);
    times.syncStarted('ipv4');
    times.record('ipv4', 'demo/web', 'demo/web-1', START + 300);
    expect(times.synced('ipv4', START + 1_000)).toEqual([900, 800]);
    expect(times.synced('ipv4', START + 1_000)).toEqual([700]);
  });

  it('forgets a Service whose slice is deleted before the sync', () => {
    const times = new TriggerTimes(START);
    times.record('ipv4', 'demo/web', 'demo/web-1', START + 100);
    times.deleted('demo/web-1');
    times.deleted('demo/unknown');
    expect(times.synced('ipv4', START + 1_000)).toEqual([]);
  });

  it('tells the families apart, and never less than nothing', () => {
    const times = new TriggerTimes(START);
    times.record('ipv6', 'demo/web', 'demo/web-2', START + 5_000);
    expect(times.synced('ipv4', START + 1_000)).toEqual([]);
    expect(times.synced('ipv6', START + 1_000)).toEqual([0]);
  });
});

describe('triggerTimeOf', () => {
  const name = 'endpoints.kubernetes.io/last-change-trigger-time';
  it.each([
    ['2026-01-01T00:00:01Z', Date.UTC(2026, 0, 1, 0, 0, 1)],
    ['2026-01-01T00:00:01.5Z', Date.UTC(2026, 0, 1, 0, 0, 1, 500)],
    ['2026-01-01T00:00:01.123456789Z', Date.UTC(2026, 0, 1, 0, 0, 1, 123)],
    ['2026-01-01T02:00:01+02:00', Date.UTC(2026, 0, 1, 0, 0, 1)],
    ['yesterday', undefined],
    ['2026-13-01T00:00:00Z', undefined],
    ['', undefined],
    [7, undefined],
  ])('reads %j', (text, at) => {
    expect(triggerTimeOf({ [name]: text })).toBe(at);
  });

  it('finds nothing where there is none', () => {
    expect(triggerTimeOf({})).toBeUndefined();
    expect(triggerTimeOf(undefined)).toBeUndefined();
  });
});
