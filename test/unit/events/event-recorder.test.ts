import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ApiRequest, type ApiResponse, openConnection } from '../../../src/cluster/connection.ts';
import type { EventReport } from '../../../src/events/event.ts';
import { EventRecorder } from '../../../src/events/event-recorder.ts';
import { startApiServer } from '../../apiserver/server.ts';
import { ManualClock } from '../cluster/manual-clock.ts';
import { RecordingLogger } from '../cluster/recorders.ts';
import { until } from '../cluster/until.ts';

interface Sent {
  readonly method: string | undefined;
  readonly path: string;
  readonly body: {
    readonly metadata?: { readonly name: string };
    readonly note?: string;
    readonly series?: object;
  };
}

/** An API server of which only answers are of interest. */
class Answers {
  readonly sent: Sent[] = [];
  /** Asked for each request; a status, with a Status' message, or an error. */
  answer: (request: Sent) => { status: number; message?: string; retryAfter?: string } | Error = () => ({
    status: 201,
  });

  request = async ({ method, path, body }: ApiRequest): Promise<ApiResponse> => {
    const sent = { method, path, body: body as Sent['body'] };
    this.sent.push(sent);
    const answer = this.answer(sent);
    if (answer instanceof Error) throw answer;
    const { status, message, retryAfter } = answer;
    const text = Buffer.from(JSON.stringify({ message }));
    return {
      status,
      headers: retryAfter === undefined ? {} : { 'retry-after': retryAfter },
      body: (async function* () {
        yield text;
      })(),
      discard: () => {},
    };
  };
}

let clock: ManualClock;
let logger: RecordingLogger;
let api: Answers;
let lost: string[];
let recorder: EventRecorder;
let cleanups: (() => unknown)[];

beforeEach(() => {
  clock = new ManualClock();
  logger = new RecordingLogger();
  api = new Answers();
  lost = [];
  recorder = new EventRecorder({
    connection: api,
    nodeName: 'node-1',
    clock,
    logger,
    lost: (reason) => lost.push(reason),
  });
  cleanups = [() => recorder.close()];
});
afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

function report(changes: Partial<EventReport> = {}, name = 'web'): EventReport {
  return {
    type: 'Warning',
    reason: 'RuleRefused',
    action: 'Quarantine',
    note: 'the kernel refuses it',
    regarding: { kind: 'Service', namespace: 'demo', name },
    ...changes,
  };
}

const sent = (count: number) => until(`${count} requests are sent`, () => api.sent.length === count);
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('EventRecorder', () => {
  it('posts an Event that the API server takes', async () => {
    const server = await startApiServer();
    cleanups.push(() => server.close());
    const folder = mkdtempSync(join(tmpdir(), 'fairlead-events-'));
    cleanups.push(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'kubeconfig'), server.kubeconfig());
    const connection = await openConnection({
      env: {},
      userAgent: 'fairlead/test',
      kubeconfig: join(folder, 'kubeconfig'),
    });
    cleanups.push(() => connection.close());
    server.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'demo' } });
    const real = new EventRecorder({ connection, nodeName: 'node-1', clock, logger });
    cleanups.push(() => real.close());
    real.event(report());
    real.event(report());
    real.event(report({ regarding: { kind: 'Node', name: 'node-1' } }));
    await until('both are there, one of them twice', () => server.requests.length === 3);
    await until('the API server has them', () => server.list('events').length === 2);
    expect(server.requests.map(({ method, status }) => `${method} ${status}`).sort()).toEqual([
      'PATCH 200',
      'POST 201',
      'POST 201',
    ]);
    expect(logger.shown).toEqual([]);
  });

  it('makes a series of what repeats: the first repetition is told at once, others at the end', async () => {
    recorder.event(report());
    await sent(1);
    clock.advance(1_000);
    recorder.event(report());
    await sent(2);
    const name = api.sent[0]?.body.metadata?.name;
    expect(api.sent[1]).toEqual({
      method: 'PATCH',
      path: `/apis/events.k8s.io/v1/namespaces/demo/events/${name}`,
      body: { series: { count: 2, lastObservedTime: '2026-01-01T00:00:01.000000Z' } },
    });
    for (let i = 0; i < 10; i++) recorder.event(report());
    await settled();
    expect(api.sent).toHaveLength(2);
    clock.advance(720_000);
    await sent(3);
    expect(api.sent[2]?.body.series).toMatchObject({ count: 12 });

    recorder.event(report());
    await sent(4);
    expect(api.sent[3]?.method).toBe('POST');
  });

  it('brings a series that goes on up to date every half hour', async () => {
    recorder.event(report());
    recorder.event(report());
    await sent(2);
    for (let minutes = 0; minutes < 36; minutes += 3) {
      clock.advance(180_000);
      recorder.event(report());
    }
    await sent(3);
    await settled();
    expect(api.sent).toHaveLength(3);
    expect(clock.waits).toHaveLength(1);
  });

  it('tells apart what differs', async () => {
    recorder.event(report());
    recorder.event(report({ note: 'for another reason' }));
    recorder.event(report({ reason: 'Malformed' }));
    recorder.event(report({}, 'db'));
    await sent(4);
    expect(api.sent.every(({ method }) => method === 'POST')).toBe(true);
  });

  it('begins a new Event where the API server has forgotten the old one', async () => {
    recorder.event(report());
    await sent(1);
    api.answer = () => ({ status: 404 });
    recorder.event(report());
    await sent(2);
    await settled();
    api.answer = () => ({ status: 201 });
    recorder.event(report());
    await sent(3);
    expect(api.sent.map(({ method }) => method)).toEqual(['POST', 'PATCH', 'POST']);
    expect(logger.shown).toEqual([]);
  });

  it('grants 25 Events to one object, then one in five minutes', async () => {
    for (let i = 0; i < 30; i++) recorder.event(report({ note: `${i}` }));
    expect(lost).toEqual(Array(5).fill('rate'));
    await sent(25);
    clock.advance(300_000);
    recorder.event(report({ note: 'later' }));
    recorder.event(report({ note: 'still later' }));
    await sent(26);
    expect(lost).toHaveLength(6);
  });

  it('sends no flood when all Services share a problem, and keeps no more than 256 waiting', async () => {
    for (let i = 0; i < 1_000; i++) recorder.event(report({}, `web-${i}`));
    await sent(25);
    await settled();
    expect(api.sent).toHaveLength(25);
    expect(lost).toEqual(Array(1_000 - 256).fill('queue'));
    clock.advance(1_000);
    await sent(26);
  });

  it('tries again under the same name when the API server is away, and says so once', async () => {
    api.answer = () => new Error('connect ECONNREFUSED');
    recorder.event(report());
    await sent(1);
    for (let attempt = 2; attempt <= 4; attempt++) {
      await until('it waits', () => clock.waits.includes(10_000));
      clock.advance(10_000);
      await sent(attempt);
    }
    api.answer = () => ({ status: 201 });
    await until('it waits', () => clock.waits.includes(10_000));
    clock.advance(10_000);
    await sent(5);
    await until('the trouble is over', () => logger.shown.length === 2);
    expect(new Set(api.sent.map(({ body }) => body.metadata?.name)).size).toBe(1);
    expect(logger.shown).toEqual([
      'warn: Events are not posted: connect ECONNREFUSED',
      'info: Events are posted again',
    ]);
    expect(lost).toEqual([]);
  });

  it('takes an Event that is already there for its own, the answer to which was lost', async () => {
    api.answer = () => ({ status: 409, message: 'already exists' });
    recorder.event(report());
    await sent(1);
    await settled();
    recorder.event(report());
    await sent(2);
    expect(api.sent[1]?.method).toBe('PATCH');
  });

  it('waits as long as the API server asks, but not for ever', async () => {
    api.answer = () => ({ status: 429, message: 'too many', retryAfter: '3' });
    recorder.event(report());
    await until('it waits', () => clock.waits.includes(3_000));
    api.answer = () => ({ status: 503, message: 'busy', retryAfter: '86400' });
    clock.advance(3_000);
    await until('it waits', () => clock.waits.includes(60_000));
  });

  it('gives up after two minutes, and goes on with the next', async () => {
    api.answer = ({ body }) => (body.note === 'bad' ? { status: 500, message: 'no' } : { status: 201 });
    recorder.event(report({ note: 'bad' }));
    recorder.event(report({ note: 'good' }));
    for (let attempt = 1; attempt < 12; attempt++) {
      await until('it waits', () => clock.waits.includes(10_000));
      clock.advance(10_000);
    }
    await until('the next is sent', () => api.sent.at(-1)?.body.note === 'good');
    expect(api.sent).toHaveLength(13);
    expect(lost).toEqual(['refused']);
  });

  it('does not insist where it is not allowed, and names the role that is missing', async () => {
    api.answer = () => ({ status: 403, message: 'events is forbidden' });
    recorder.event(report());
    recorder.event(report({ note: 'again' }));
    await until('both are given up', () => lost.length === 2);
    expect(api.sent).toHaveLength(2);
    expect(logger.shown).toEqual([
      'warn: Events are not posted: the API server answers 403: events is forbidden; events.k8s.io events need the verbs create and patch',
    ]);
  });

  it('gives up on an answer that does not come', async () => {
    const { signals, request } = silent();
    recorder = new EventRecorder({ connection: { request }, nodeName: 'node-1', clock, logger });
    recorder.event(report());
    await until('a request is sent', () => signals.length === 1);
    clock.advance(30_000);
    await until('it tries again', () => clock.waits.includes(10_000));
    expect(logger.shown).toEqual(['warn: Events are not posted: no answer in 30 s']);
  });

  it('ends at once when it is closed, whatever it is doing', async () => {
    const { signals, request } = silent();
    const busy = new EventRecorder({ connection: { request }, nodeName: 'node-1', clock, logger });
    busy.event(report());
    await until('a request is sent', () => signals.length === 1);
    await busy.close();
    busy.event(report());
    expect(clock.waits).toEqual([]);
    expect(signals).toHaveLength(1);
  });
});

/** An API server that says nothing. */
function silent() {
  const signals: AbortSignal[] = [];
  const request = ({ signal }: ApiRequest): Promise<ApiResponse> => {
    signals.push(signal);
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  };
  return { signals, request };
}
