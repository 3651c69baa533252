import { describe, expect, it } from 'vitest';
import { EventStream } from '../../../src/ui/event-stream.ts';
import { ManualClock } from '../cluster/manual-clock.ts';

/** Somebody who listens. */
function listen(stream: EventStream) {
  const gone = new AbortController();
  const events = stream.open(gone.signal)?.[Symbol.asyncIterator]();
  return {
    refused: events === undefined,
    next: async () => (await events?.next())?.value as string | undefined,
    leave: () => gone.abort(),
  };
}

describe('the stream of events', () => {
  it('tells everybody who listens', async () => {
    const stream = new EventStream(new ManualClock());
    const [a, b] = [listen(stream), listen(stream)];
    for (const each of [a, b]) expect(await each.next()).toBe('retry: 2000\nevent: hello\ndata: {}\n\n');
    stream.publish('sync', () => ({ id: 1 }));
    for (const each of [a, b]) expect(await each.next()).toBe('event: sync\ndata: {"id":1}\n\n');
  });

  it('makes nothing for nobody', () => {
    const stream = new EventStream(new ManualClock());
    const gone = listen(stream);
    gone.leave();
    stream.publish('sync', () => expect.fail('nobody listens'));
  });

  it('ends for who leaves, and for who does not keep up; the others go on', async () => {
    const stream = new EventStream(new ManualClock());
    const [slow, leaving, good] = [listen(stream), listen(stream), listen(stream)];
    for (const each of [slow, leaving, good]) await each.next();
    const waiting = leaving.next();
    leaving.leave();
    expect(await waiting).toBeUndefined();
    for (let id = 0; id < 1000; id++) {
      stream.publish('sync', () => ({ id }));
      expect(await good.next()).toContain(`{"id":${id}}`);
    }
    expect(await slow.next()).toBeUndefined();
  });

  it('has room for so many', async () => {
    const stream = new EventStream(new ManualClock());
    const all = Array.from({ length: 8 }, () => listen(stream));
    expect(listen(stream).refused).toBe(true);
    all[3]?.leave();
    expect(listen(stream).refused).toBe(false);
  });

  it('shows that it is alive', async () => {
    const clock = new ManualClock();
    const stream = new EventStream(clock);
    const one = listen(stream);
    await one.next();
    clock.advance(15_000);
    expect(await one.next()).toBe(':\n\n');
    clock.advance(15_000);
    expect(await one.next()).toBe(':\n\n');
    const end = one.next();
    one.leave();
    await end;
    expect(clock.waits).toEqual([]);
  });
});
