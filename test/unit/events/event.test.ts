import { describe, expect, it } from 'vitest';
import { type EventReport, eventObject } from '../../../src/events/event.ts';
import { TokenBucket, TokenBuckets } from '../../../src/events/token-bucket.ts';

const AT = Date.UTC(2026, 10, 20);

function report(changes: Partial<EventReport> = {}): EventReport {
  return {
    type: 'Warning',
    reason: 'RuleRefused',
    action: 'Quarantine',
    note: 'x',
    regarding: { kind: 'Service', namespace: 'demo', name: 'web-1' },
    ...changes,
  };
}

interface Shown {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly reportingInstance: string;
  readonly note: string;
}

const object = (changes: Partial<EventReport> = {}, node = 'node-1', serial = 0) =>
  eventObject(report(changes), node, AT, serial) as Shown;

describe('eventObject', () => {
  it('is what the API server takes', () => {
    expect(object()).toEqual({
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: 'web-1.18e997c544a70000', namespace: 'demo' },
      eventTime: '2026-11-20T00:00:00.000000Z',
      reportingController: 'fairlead',
      reportingInstance: 'fairlead-node-1',
      action: 'Quarantine',
      reason: 'RuleRefused',
      type: 'Warning',
      note: 'x',
      regarding: { apiVersion: 'v1', kind: 'Service', namespace: 'demo', name: 'web-1' },
    });
  });

  it('lives in the namespace default where it is about a Node, which goes by its name', () => {
    expect(object({ regarding: { kind: 'Node', name: 'node-1' } })).toMatchObject({
      metadata: { namespace: 'default' },
      regarding: { apiVersion: 'v1', kind: 'Node', name: 'node-1', uid: 'node-1' },
    });
  });

  it('has another name for another Event of the same time', () => {
    expect(object({}, 'node-1', 0).metadata.name).not.toBe(object({}, 'node-1', 1).metadata.name);
  });

  it('keeps to the limits of the API', () => {
    const name = `${'a'.repeat(230)}.${'b'.repeat(22)}`;
    const long = object({ note: 'ü'.repeat(600), regarding: { kind: 'Node', name } }, name);
    expect(long.metadata.name.length).toBeLessThanOrEqual(253);
    expect(long.metadata.name).toMatch(/^a+\.b+\.[0-9a-f]{16}$/);
    expect(long.reportingInstance).toHaveLength(128);
    expect(Buffer.byteLength(long.note)).toBeLessThanOrEqual(1024);
    expect(long.note).toMatch(/^ü+…$/);
  });
});

describe('TokenBucket', () => {
  it('lets a burst through, and then one now and then', () => {
    const bucket = new TokenBucket({ burst: 2, refill: 1_000 }, 0);
    expect([bucket.take(0), bucket.take(0), bucket.take(0)]).toEqual([true, true, false]);
    expect(bucket.wait(0)).toBe(1_000);
    expect(bucket.wait(400)).toBe(600);
    expect(bucket.take(999)).toBe(false);
    expect(bucket.take(1_000)).toBe(true);
    expect([bucket.take(60_000), bucket.take(60_000), bucket.take(60_000)]).toEqual([true, true, false]);
  });

  it('is not confused by a clock that is set back', () => {
    const bucket = new TokenBucket({ burst: 1, refill: 1_000 }, 10_000);
    expect(bucket.take(5_000)).toBe(true);
    expect(bucket.take(5_500)).toBe(false);
    expect(bucket.take(6_000)).toBe(true);
  });

  it('is one for each key, of the keys used last', () => {
    const buckets = new TokenBuckets({ burst: 1, refill: 1_000 }, 2);
    expect([buckets.take('a', 0), buckets.take('a', 0), buckets.take('b', 0)]).toEqual([true, false, true]);
    buckets.take('c', 0);
    expect(buckets.take('a', 0)).toBe(true);
    expect(buckets.take('c', 0)).toBe(false);
  });
});
