import { describe, expect, it } from 'vitest';
import { ProxyHealth } from '../../../src/health/proxy-health.ts';
import { ManualClock } from '../cluster/manual-clock.ts';

const TIMEOUT = 60_000;

function setUp() {
  const clock = new ManualClock();
  return { clock, health: new ProxyHealth({ clock, timeout: TIMEOUT }) };
}

describe('ProxyHealth', () => {
  it('is healthy while it starts up, however long the first sync takes', () => {
    const { clock, health } = setUp();
    health.queued('ipv4');
    clock.advance(10 * TIMEOUT);
    expect(health.healthy).toBe(true);
    expect(health.report()).toMatchObject({ healthy: true, lastUpdated: undefined, families: new Map() });
  });

  it('stays healthy as long as nothing is queued', () => {
    const { clock, health } = setUp();
    health.updated('ipv4');
    clock.advance(10 * TIMEOUT);
    expect(health.healthy).toBe(true);
  });

  it('is unhealthy from the moment a change has waited for the timeout, and well again after the sync', () => {
    const { clock, health } = setUp();
    health.updated('ipv4');
    health.queued('ipv4');
    clock.advance(TIMEOUT - 1);
    expect(health.healthy).toBe(true);
    clock.advance(1);
    expect(health.healthy).toBe(false);
    health.updated('ipv4');
    expect(health.healthy).toBe(true);
  });

  it('counts from the oldest change, not the last', () => {
    const { clock, health } = setUp();
    health.updated('ipv4');
    health.queued('ipv4');
    clock.advance(TIMEOUT / 2);
    health.queued('ipv4');
    clock.advance(TIMEOUT / 2);
    expect(health.healthy).toBe(false);
  });

  it('tells the families apart', () => {
    const { clock, health } = setUp();
    health.updated('ipv4');
    const first = clock.now();
    clock.advance(1_000);
    health.updated('ipv6');
    health.queued('ipv4');
    clock.advance(TIMEOUT);
    expect(health.report()).toEqual({
      now: clock.now(),
      healthy: false,
      lastUpdated: first + 1_000,
      families: new Map([
        ['ipv4', { lastUpdated: first, healthy: false }],
        ['ipv6', { lastUpdated: first + 1_000, healthy: true }],
      ]),
    });
  });

  it('does not forget a change that arrived while a sync without it was under way', () => {
    const { clock, health } = setUp();
    health.updated('ipv4');
    health.queued('ipv4');
    health.started('ipv4');
    clock.advance(1_000);
    health.queued('ipv4');
    clock.advance(1_000);
    health.updated('ipv4');
    clock.advance(TIMEOUT - 1_001);
    expect(health.healthy).toBe(true);
    clock.advance(1);
    expect(health.healthy).toBe(false);
  });

  it('keeps the age of a change over attempts that fail', () => {
    const { clock, health } = setUp();
    health.updated('ipv4');
    health.queued('ipv4');
    for (let i = 0; i < 3; i++) {
      health.started('ipv4');
      clock.advance(TIMEOUT / 3);
    }
    expect(health.healthy).toBe(false);
  });
});
