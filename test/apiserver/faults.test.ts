import { afterEach, beforeEach, expect, test } from 'vitest';
import { ask, type OpenWatch, openWatch } from './client.ts';
import { service } from './cluster.ts';
import { eventually } from './eventually.ts';
import { asArray, valueAt } from './json.ts';
import { type ApiServer, resourceVersionOf, startApiServer } from './server.ts';

let server: ApiServer;
let watches: OpenWatch[] = [];

beforeEach(async () => {
  server = await startApiServer();
  server.put(service(1));
});

afterEach(async () => {
  for (const watch of watches) watch.close();
  watches = [];
  await server.close();
});

test('connections that break', async () => {
  const watch = await open();
  server.dropConnections();
  await eventually(() => watch.state).toBe('broken');
  expect((await list()).status).toBe(200);
});

test('a server that accepts and says nothing, until it does', async () => {
  const watch = await open();
  server.faults.stall();
  const listed = list();
  server.put(service(2));
  await eventually(() => server.requests.at(-1)).toMatchObject({ verb: 'list', status: 0 });
  expect(watch.events).toHaveLength(1);
  server.faults.resume();
  expect((await listed).status).toBe(200);
  await eventually(() => watch.events.length).toBe(2);
});

test.each(['reset', 'end'] as const)('a watch that is cut in the middle of an object (%s)', async (how) => {
  const watch = await open();
  await eventually(() => watch.events.length).toBe(1);
  server.faults.cutWatches({ resource: 'services', afterEvents: 1, how });
  server.put(service(2));
  server.put(service(3));
  await eventually(() => watch.state).toBe(how === 'reset' ? 'broken' : 'ended');
  expect(watch.events).toHaveLength(2);
  expect(watch.rest).toMatch(/^\{"type":"ADDED"/);
  const next = await open();
  await eventually(() => next.events.length).toBe(3);
});

test('lists that are cut in the middle', async () => {
  server.faults.cutLists({ resource: 'services' });
  await expect(list()).rejects.toMatchObject({ code: 'ECONNRESET' });
  server.faults.cutLists({ how: 'end' });
  const half = await list();
  expect([half.status, half.text.slice(0, 8), half.json]).toEqual([200, '{"kind":', undefined]);
  expect((await list()).json?.['kind']).toBe('ServiceList');
});

test('bodies that come slowly', async () => {
  server.faults.slowBody = { bytesPerTick: 100, tickMs: 1 };
  const watch = await open();
  await eventually(() => watch.events.length).toBe(1);
  expect(Math.max(...watch.chunks.map((chunk) => chunk.length))).toBeLessThanOrEqual(100);
  const answer = await list();
  expect(asArray(answer.json?.['items'])).toHaveLength(1);
});

test('characters that are split between two writes', async () => {
  const watch = await open();
  server.faults.splitCharacters = true;
  server.put(service(2, { labels: { town: 'Zürich ≠ 東京 😀' } }));
  await eventually(() => watch.events.length).toBe(2);
  expect(valueAt(watch.events[1]?.object, 'metadata', 'labels', 'town')).toBe('Zürich ≠ 東京 😀');
  const split = watch.chunks.filter((chunk) => (chunk.at(-1) ?? 0) >= 0xc0);
  expect(split).toHaveLength(5);
});

test.each([
  [429, 'text/plain; charset=utf-8', '1'],
  [500, 'application/json', undefined],
  [503, 'application/json', '1'],
  [401, 'application/json', undefined],
] as const)('requests that fail with %d', async (status, type, retryAfter) => {
  server.faults.failNext({ status, count: 2, resource: 'services', verb: 'list' });
  expect((await ask(`${server.url}/api/v1/nodes`)).status).toBe(200);
  for (const wanted of [status, status, 200]) expect((await list()).status).toBe(wanted);
  server.faults.failNext({ status });
  const { headers } = await list();
  expect([headers['content-type'], headers['retry-after']]).toEqual([type, retryAfter]);
});

test('a Retry-After of choice', async () => {
  server.faults.failNext({ status: 429, retryAfter: 7 });
  expect((await list()).headers['retry-after']).toBe('7');
});

test('a server that comes back with lower versions and no history', async () => {
  for (let number = 2; number <= 5; number++) server.put(service(number));
  server.delete('Service', 'demo', 'web-00002');
  const before = server.resourceVersion;
  const watch = await open({ resourceVersion: String(before) });
  const page = await ask(`${server.url}/api/v1/services?limit=1`);
  const token = String(valueAt(page.json, 'metadata', 'continue'));

  server.restart({ resourceVersion: 1 });
  await eventually(() => watch.state).toBe('broken');
  expect(server.resourceVersion).toBeLessThan(before);
  const listed = asArray((await list()).json?.['items']) ?? [];
  expect(listed.map((item) => valueAt(item, 'metadata', 'name'))).toEqual([
    'web-00001',
    'web-00003',
    'web-00004',
    'web-00005',
  ]);
  const versions = server.list('Service').map(resourceVersionOf);
  expect(Math.max(...versions)).toBeLessThanOrEqual(server.resourceVersion);
  expect((await list(`resourceVersion=${before}`)).status).toBe(504);
  expect((await list(`limit=1&continue=${token}`)).status).toBe(410);
});

test('a server that comes back with nothing', async () => {
  server.restart({ empty: true });
  expect((await list()).json?.['items']).toEqual([]);
});

test('a server that is away for a while', async () => {
  const watch = await open();
  const { url } = server;
  await server.stop();
  await eventually(() => watch.state).toBe('broken');
  await expect(list()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  await server.start();
  expect(server.url).toBe(url);
  expect((await list()).status).toBe(200);
});

test('servers that do not know watch-lists', async () => {
  const query = {
    sendInitialEvents: 'true',
    resourceVersionMatch: 'NotOlderThan',
    allowWatchBookmarks: 'true',
  };
  server.faults.watchList = 'status';
  const refused = await ask(`${server.url}/api/v1/services?${new URLSearchParams({ watch: '1', ...query })}`);
  expect([refused.status, refused.json?.['reason']]).toEqual([422, 'Invalid']);
  server.faults.watchList = 'error-event';
  const watch = await open(query);
  await eventually(() => watch.state).toBe('ended');
  expect(watch.events).toMatchObject([{ type: 'ERROR', object: { code: 500 } }]);
  server.faults.clear();
  const supported = await open(query);
  await eventually(() => supported.events.map(({ type }) => type)).toEqual(['ADDED', 'BOOKMARK']);
});

async function open(query: Record<string, string> = {}): Promise<OpenWatch> {
  const watch = await openWatch(
    `${server.url}/api/v1/services?${new URLSearchParams({ watch: 'true', ...query })}`,
  );
  watches.push(watch);
  return watch;
}

function list(query = ''): ReturnType<typeof ask> {
  return ask(`${server.url}/api/v1/services?${query}`);
}
