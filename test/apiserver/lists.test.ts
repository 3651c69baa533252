import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Answer, ask } from './client.ts';
import { service } from './cluster.ts';
import { asArray, type JsonObject, valueAt } from './json.ts';
import { type ApiServer, startApiServer } from './server.ts';

let server: ApiServer;

beforeEach(async () => {
  server = await startApiServer({ historyLimit: 100 });
});

afterEach(() => server.close());

test('pages show the state of the first page, whatever changes in between', async () => {
  for (let number = 1; number <= 10; number++) server.put(service(number));
  const at = String(server.resourceVersion);
  const first = await get('services', { limit: '4' });
  server.delete('Service', 'demo', 'web-00006');
  server.put(service(5, { type: 'NodePort' }));
  server.put(service(11));
  const second = await get('services', { limit: '4', continue: tokenOf(first) });
  const third = await get('services', { limit: '4', continue: tokenOf(second) });

  expect([first, second, third].map(remainingOf)).toEqual([6, 2, undefined]);
  expect([first, second, third].map(versionOf)).toEqual([at, at, at]);
  const items = [first, second, third].flatMap(itemsOf);
  expect(items.map(nameOf)).toEqual(Array.from({ length: 10 }, (_, index) => nameOf(service(index + 1))));
  expect(items.every((item) => valueAt(item, 'spec', 'type') === 'ClusterIP')).toBe(true);
  expect(tokenOf(third)).toBe('');
});

test('a list whose pages got too old goes on with the token that the refusal gives', async () => {
  for (let number = 1; number <= 5; number++) server.put(service(number));
  const first = await get('services', { limit: '2' });
  server.put(service(6));
  server.compact();
  const refused = await get('services', { limit: '2', continue: tokenOf(first) });
  expect(refused.status).toBe(410);
  const rest = await get('services', { limit: '10', continue: tokenOf(refused) });
  expect(itemsOf(rest).map(nameOf)).toEqual([3, 4, 5, 6].map((number) => nameOf(service(number))));
});

test.each([
  [{ labelSelector: '!service.kubernetes.io/service-proxy-name' }, [1, 3, 4]],
  [{ labelSelector: 'app' }, [1, 2]],
  [{ labelSelector: 'app=web' }, [1]],
  [{ labelSelector: 'app in (web, db),tier' }, [2]],
  [{ labelSelector: 'app notin (web)' }, [2, 3, 4]],
  [{ fieldSelector: 'spec.clusterIP!=None' }, [1, 2, 4]],
  [{ fieldSelector: 'metadata.name=web-00003' }, [3]],
  [{ fieldSelector: 'metadata.namespace!=demo' }, [4]],
  [
    {
      labelSelector: '!service.kubernetes.io/service-proxy-name',
      fieldSelector: 'spec.clusterIP!=None',
    },
    [1, 4],
  ],
])('a list with %o', async (query, wanted) => {
  server.put(service(1, { labels: { app: 'web' } }));
  server.put(
    service(2, { labels: { app: 'db', tier: 'x', 'service.kubernetes.io/service-proxy-name': 'other' } }),
  );
  server.put(service(3, { clusterIP: 'None', clusterIPs: ['None'] }));
  server.put(service(4, { namespace: 'other' }));
  const answer = await get('services', query);
  expect(itemsOf(answer).map(nameOf).sort()).toEqual(wanted.map((number) => nameOf(service(number))));
});

test('a list of one namespace', async () => {
  server.put(service(1));
  server.put(service(2, { namespace: 'other' }));
  expect(itemsOf(await get('namespaces/other/services', {})).map(nameOf)).toEqual([nameOf(service(2))]);
  expect(itemsOf(await get('namespaces/nobody/services', {}))).toEqual([]);
});

test('an exact version, as long as the history has it', async () => {
  server.put(service(1));
  const before = server.resourceVersion;
  server.put(service(2));
  const exact = { resourceVersion: String(before), resourceVersionMatch: 'Exact' };
  expect(itemsOf(await get('services', exact)).map(nameOf)).toEqual([nameOf(service(1))]);
  expect(itemsOf(await get('services', { ...exact, resourceVersionMatch: 'NotOlderThan' }))).toHaveLength(2);
  for (let number = 10; number < 200; number++) server.put(service(number));
  const gone = await get('services', exact);
  expect([gone.status, gone.json?.['reason']]).toEqual([410, 'Expired']);
});

test.each([
  [{ resourceVersionMatch: 'Exact' }, 422],
  [{ resourceVersionMatch: 'Exact', resourceVersion: '0' }, 422],
  [{ resourceVersion: 'x' }, 400],
  [{ continue: 'x' }, 400],
  [{ labelSelector: 'a,,b' }, 400],
  [{ fieldSelector: 'x' }, 400],
])('a list with %o is refused', async (query, status) => {
  const answer = await get('services', query);
  expect([answer.status, answer.json?.['kind'], answer.json?.['code']]).toEqual([status, 'Status', status]);
});

test('large lists are compressed for clients that ask, small ones never', async () => {
  for (let number = 1; number <= 400; number++) server.put(service(number));
  const plain = await get('services', {});
  const packed = await get('services', {}, { 'accept-encoding': 'gzip' });
  const small = await get('services', { limit: '1' }, { 'accept-encoding': 'gzip' });
  expect(plain.bytes.length).toBeGreaterThan(128 * 1024);
  expect([plain, packed, small].map(({ headers }) => headers['content-encoding'])).toEqual([
    undefined,
    'gzip',
    undefined,
  ]);
  expect(gunzipSync(packed.bytes).toString()).toBe(plain.text);
});

test('Events are the same objects in both of their groups', async () => {
  server.put({
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: 'web.1', namespace: 'demo' },
    involvedObject: { kind: 'Service', name: 'web' },
    message: 'hello',
    reason: 'Test',
  });
  const old = await get('events', { fieldSelector: 'involvedObject.name=web' });
  const now = await ask(`${server.url}/apis/events.k8s.io/v1/events?fieldSelector=regarding.name%3Dweb`);
  expect(itemsOf(old)).toMatchObject([{ involvedObject: { name: 'web' }, message: 'hello' }]);
  expect(itemsOf(now)).toMatchObject([{ regarding: { name: 'web' }, note: 'hello' }]);
});

function get(path: string, query: Record<string, string>, headers = {}): Promise<Answer> {
  return ask(`${server.url}/api/v1/${path}?${new URLSearchParams(query)}`, { headers });
}

function itemsOf(answer: Answer): JsonObject[] {
  return (asArray(answer.json?.['items']) ?? []) as JsonObject[];
}

function nameOf(object: JsonObject): unknown {
  return valueAt(object, 'metadata', 'name');
}

function tokenOf(answer: Answer): string {
  return String(valueAt(answer.json, 'metadata', 'continue') ?? '');
}

function remainingOf(answer: Answer): unknown {
  return valueAt(answer.json, 'metadata', 'remainingItemCount');
}

function versionOf(answer: Answer): unknown {
  return valueAt(answer.json, 'metadata', 'resourceVersion');
}
