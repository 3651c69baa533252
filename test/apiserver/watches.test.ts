import { afterEach, beforeEach, expect, test } from 'vitest';
import { ask, type OpenWatch, openWatch } from './client.ts';
import { endpointSlice, service } from './cluster.ts';
import { eventually } from './eventually.ts';
import { valueAt } from './json.ts';
import { type ApiServer, type ApiServerOptions, startApiServer } from './server.ts';

let server: ApiServer;
let watches: OpenWatch[] = [];

beforeEach(() => start({}));

afterEach(async () => {
  for (const watch of watches) watch.close();
  watches = [];
  await server.close();
});

test('a watch from a version sees everything after it, and nothing before', async () => {
  server.put(service(1));
  const from = server.resourceVersion;
  server.put(service(2));
  server.put(service(2, { type: 'NodePort' }));
  server.delete('Service', 'demo', 'web-00001');
  const watch = await open('services', { resourceVersion: String(from) });
  server.put(service(3));
  await seen(watch, ['ADDED web-00002', 'MODIFIED web-00002', 'DELETED web-00001', 'ADDED web-00003']);
});

test('a watch without a version begins with everything that is there', async () => {
  server.put(service(1));
  for (const query of [{}, { resourceVersion: '0' }]) {
    const watch = await open('services', query);
    await seen(watch, ['ADDED web-00001']);
  }
});

test('a watch-list without bookmarks has no end mark', async () => {
  server.put(service(1));
  const watch = await open('services', { sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan' });
  server.put(service(2));
  await seen(watch, ['ADDED web-00001', 'ADDED web-00002']);
});

test('sendInitialEvents=false begins with the next change', async () => {
  server.put(service(1));
  const watch = await open('services', { sendInitialEvents: 'false', resourceVersionMatch: 'NotOlderThan' });
  server.put(service(2));
  await seen(watch, ['ADDED web-00002']);
});

test('what leaves the selection is DELETED as it was, with the new version; what enters it is ADDED', async () => {
  server.put(service(1));
  const watch = await open('services', {
    resourceVersion: String(server.resourceVersion),
    labelSelector: '!service.kubernetes.io/service-proxy-name',
    fieldSelector: 'spec.clusterIP!=None',
  });
  const label = 'service.kubernetes.io/service-proxy-name';
  server.patch('Service', 'demo', 'web-00001', { metadata: { labels: { [label]: 'other' } } });
  const leftAt = server.resourceVersion;
  server.patch('Service', 'demo', 'web-00001', { spec: { type: 'NodePort' } });
  server.patch('Service', 'demo', 'web-00001', { metadata: { labels: null } });
  await seen(watch, ['DELETED web-00001', 'ADDED web-00001']);
  expect(valueAt(watch.events[0]?.object, 'metadata')).toMatchObject({ resourceVersion: String(leftAt) });
  expect(valueAt(watch.events[0]?.object, 'metadata', 'labels')).toBeUndefined();
});

test('a watch of one namespace and of one name', async () => {
  const namespace = await open('namespaces/other/services', {});
  const name = await open('services', { fieldSelector: 'metadata.name=web-00002' });
  server.put(service(1));
  server.put(service(2));
  server.put(service(3, { namespace: 'other' }));
  await seen(namespace, ['ADDED web-00003']);
  await seen(name, ['ADDED web-00002']);
});

test('a write that changes nothing is no event', async () => {
  server.put(service(1));
  const watch = await open('services', { resourceVersion: String(server.resourceVersion) });
  server.put(service(1));
  server.patch('Service', 'demo', 'web-00001', { spec: { type: 'ClusterIP' } });
  server.put(service(2));
  await seen(watch, ['ADDED web-00002']);
});

test('bookmarks come by themselves to those who allow them', async () => {
  await start({ bookmarkIntervalMs: 20 });
  const version = String(server.resourceVersion);
  const without = await open('services', { resourceVersion: version });
  const watch = await open('services', { resourceVersion: version, allowWatchBookmarks: 'true' });
  await eventually(() => watch.events.length).toBeGreaterThan(1);
  expect(watch.events[0]).toMatchObject({
    type: 'BOOKMARK',
    object: { kind: 'Service', metadata: { resourceVersion: version } },
  });
  expect(without.events).toEqual([]);
});

test('a watch ends in good order when its time is over', async () => {
  const watch = await open('services', { timeoutSeconds: '1' });
  await eventually(() => watch.state).toBe('ended');
  expect(server.watches()).toBe(0);
});

test('a watch from a version before the history is refused by an event', async () => {
  server.put(service(1));
  const from = server.resourceVersion;
  server.put(service(2));
  server.compact();
  const late = await open('services', { resourceVersion: String(from) });
  const current = await open('services', { resourceVersion: String(server.resourceVersion) });
  server.put(service(3));
  await eventually(() => late.state).toBe('ended');
  expect(late.events).toMatchObject([{ type: 'ERROR', object: { code: 410, reason: 'Expired' } }]);
  await seen(current, ['ADDED web-00003']);
});

test('a watch from the future is silent until the counter gets there', async () => {
  server.put(service(0));
  const future = server.resourceVersion + 2;
  const watch = await open('services', { resourceVersion: String(future), allowWatchBookmarks: 'true' });
  server.bookmark();
  server.put(service(1));
  server.put(service(2));
  server.put(service(3));
  await seen(watch, ['ADDED web-00003']);
});

test('a watch-list from the future is refused', async () => {
  const query = 'watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=999';
  const answer = await ask(`${server.url}/api/v1/services?${query}`);
  expect([answer.status, answer.json?.['message']]).toEqual([
    504,
    `Timeout: Too large resource version: 999, current: ${server.resourceVersion}`,
  ]);
});

test.each([
  [{ sendInitialEvents: 'true' }, 422],
  [{ resourceVersionMatch: 'NotOlderThan' }, 422],
  [{ resourceVersion: '-1' }, 400],
  [{ timeoutSeconds: 'long' }, 400],
])('a watch with %o is refused', async (query, status) => {
  const answer = await ask(`${server.url}/api/v1/services?${new URLSearchParams({ watch: '1', ...query })}`);
  expect([answer.status, answer.json?.['kind']]).toEqual([status, 'Status']);
});

test('twenty thousand Services reach several watchers, and so does every later change', async () => {
  for (let number = 0; number < 20_000; number++) server.put(service(number));
  const query = {
    sendInitialEvents: 'true',
    resourceVersionMatch: 'NotOlderThan',
    allowWatchBookmarks: 'true',
  };
  const all = await Promise.all([1, 2, 3].map(() => open('services', query)));
  // While the first events are still on their way.
  server.put(service(20_000));
  for (const watch of all) {
    await eventually(() => watch.events.length).toBe(20_002);
    expect(watch.events.at(-2)?.type).toBe('BOOKMARK');
    expect(valueAt(watch.events.at(-1)?.object, 'metadata', 'name')).toBe('web-20000');
  }
}, 30_000);

test('requests and connections can be looked at', async () => {
  const before = server.requests.length;
  const watch = await open('endpointslices', {}, 'apis/discovery.k8s.io/v1');
  server.put(endpointSlice(1, ['10.0.0.1']));
  await seen(watch, ['ADDED web-00001-abc']);
  expect(server.requests.slice(before)).toMatchObject([
    { method: 'GET', verb: 'watch', resource: 'endpointslices', status: 200 },
  ]);
  expect([server.connections, server.watches('endpointslices'), server.watches('services')]).toEqual([
    1, 1, 0,
  ]);
  watch.close();
  await eventually(() => [server.connections, server.watches()]).toEqual([0, 0]);
});

async function start(options: ApiServerOptions): Promise<void> {
  await server?.close();
  server = await startApiServer(options);
}

async function open(path: string, query: Record<string, string>, root = 'api/v1'): Promise<OpenWatch> {
  const watch = await openWatch(
    `${server.url}/${root}/${path}?${new URLSearchParams({ watch: 'true', ...query })}`,
  );
  expect(watch.status).toBe(200);
  watches.push(watch);
  return watch;
}

/** Waits for as many events as wanted, and compares them. */
async function seen(watch: OpenWatch, wanted: readonly string[]): Promise<void> {
  await eventually(() => watch.events.length).toBeGreaterThanOrEqual(wanted.length);
  expect(watch.events.map(({ type, object }) => `${type} ${valueAt(object, 'metadata', 'name')}`)).toEqual(
    wanted,
  );
}
