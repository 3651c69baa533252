import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { pause } from '../../../src/cluster/clock.ts';
import { ClusterError } from '../../../src/cluster/errors.ts';
import { orAborted, Watchdog } from '../../../src/cluster/watchdog.ts';
import { ManualClock } from './manual-clock.ts';

const silence = () => new ClusterError('unreachable', 'silence');

describe('Watchdog', () => {
  it('barks when nothing was heard for too long, and not before', () => {
    const clock = new ManualClock();
    const watchdog = new Watchdog(clock, new AbortController().signal);
    watchdog.expect(100, silence);
    clock.advance(99);
    watchdog.expect(100, silence);
    clock.advance(99);
    expect(watchdog.signal.aborted).toBe(false);
    clock.advance(1);
    expect(watchdog.signal.reason).toMatchObject({ message: 'silence' });
  });

  it('ends with its owner', () => {
    const owner = new AbortController();
    const watchdog = new Watchdog(new ManualClock(), owner.signal);
    owner.abort(new Error('enough'));
    expect(watchdog.signal.reason).toMatchObject({ message: 'enough' });
  });

  it('leaves nothing behind', () => {
    const clock = new ManualClock();
    const owner = new AbortController();
    const watchdog = new Watchdog(clock, owner.signal);
    watchdog.expect(100, silence);
    watchdog.close();
    expect(clock.waits).toEqual([]);
    expect(getEventListeners(owner.signal, 'abort')).toEqual([]);
  });
});

describe('waiting', () => {
  it('ends with the signal, and leaves nothing behind either way', async () => {
    const clock = new ManualClock();
    const { signal } = new AbortController();
    const paused = pause(clock, 100, signal);
    clock.advance(100);
    await paused;
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    const controller = new AbortController();
    const cut = pause(clock, 100, controller.signal);
    controller.abort();
    await cut;
    expect(clock.waits).toEqual([]);
  });

  it('for a promise ends with the signal, and leaves nothing behind', async () => {
    const controller = new AbortController();
    expect(await orAborted(Promise.resolve(7), controller.signal)).toBe(7);
    await Promise.resolve();
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
    const never = orAborted(new Promise<never>(() => {}), controller.signal);
    controller.abort(new Error('enough'));
    await expect(never).rejects.toThrow('enough');
  });
});
