import { once } from 'node:events';
import { createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { routeHandler } from '../../../src/debug/route.ts';
import { EventStream } from '../../../src/ui/event-stream.ts';
import { ManualClock } from '../cluster/manual-clock.ts';

const EVENTS = 600;
const EVENT_CHARACTERS = 100_000;

/** What comes, as it comes. */
async function* textOf(response: IncomingMessage): AsyncGenerator<string> {
  for await (const chunk of response) yield chunk as string;
}

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

  it('cuts off a client that is slow to read, over HTTP; the others go on', async () => {
    const stream = new EventStream(new ManualClock());
    const path = '/debug/events';
    const server = createServer(
      routeHandler([
        { path, answer: ({ signal }) => ({ type: 'text/event-stream', body: stream.open(signal) ?? '' }) },
      ]),
    ).listen(0, '127.0.0.1');
    try {
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const connect = async (): Promise<IncomingMessage> => {
        const [response] = await once(get({ port, path, host: '127.0.0.1', agent: false }), 'response');
        return (response as IncomingMessage).setEncoding('utf8');
      };
      const [slow, good] = await Promise.all([connect(), connect()]);
      const events = textOf(good)[Symbol.asyncIterator]();
      let last = '';
      const reads = async (text: string): Promise<void> => {
        while (!last.includes(text)) last = last.slice(-text.length) + (await events.next()).value;
      };
      await reads('event: hello');
      // More than the kernel's buffers hold, and as many again as may wait here.
      for (let id = 0; id < EVENTS; id++) {
        stream.publish('sync', () => ({ text: 'x'.repeat(EVENT_CHARACTERS), id }));
        await reads(`"id":${id}}`);
      }
      let received = '';
      for await (const text of textOf(slow)) received += text;
      expect(received).toContain('event: hello');
      expect(received).not.toContain(`"id":${EVENTS - 1}}`);
      stream.publish('sync', () => ({ id: 'after' }));
      await reads('"id":"after"');
    } finally {
      server.closeAllConnections();
      server.close();
    }
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
