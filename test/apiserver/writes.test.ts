import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Answer, ask } from './client.ts';
import { endpointSlice, service } from './cluster.ts';
import { type JsonObject, valueAt } from './json.ts';
import { type ApiServer, resourceVersionOf, startApiServer } from './server.ts';

const SERVICES = '/api/v1/namespaces/demo/services';
const SLICES = '/apis/discovery.k8s.io/v1/namespaces/demo/endpointslices';

let server: ApiServer;

beforeEach(async () => {
  server = await startApiServer();
});

afterEach(() => server.close());

test('a created Service gets what the API gives it', async () => {
  const answer = await send('POST', SERVICES, { metadata: { name: 'web' }, spec: { ports: [{ port: 80 }] } });
  expect(answer.status).toBe(201);
  expect(answer.json).toMatchObject({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'demo', resourceVersion: String(server.resourceVersion) },
    spec: {
      type: 'ClusterIP',
      clusterIP: expect.stringMatching(/^10\./),
      ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
      sessionAffinity: 'None',
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      internalTrafficPolicy: 'Cluster',
    },
    status: { loadBalancer: {} },
  });
});

test('allocations differ between Services, stay with theirs, and may be of both families', async () => {
  const spec = { type: 'NodePort', ipFamilyPolicy: 'RequireDualStack', ports: [{ port: 80 }] };
  const made = [1, 2].map((number) =>
    server.put({ ...service(0), metadata: { name: `web-${number}`, namespace: 'demo' }, spec }),
  );
  const addresses = made.map((object) => valueAt(object, 'spec', 'clusterIPs') as string[]);
  expect(addresses[0]).toEqual([expect.stringMatching(/^10\./), expect.stringMatching(/^fd/)]);
  expect(new Set(addresses.flat()).size).toBe(4);
  const again = server.put({ ...service(0), metadata: { name: 'web-1', namespace: 'demo' }, spec });
  expect(again).toEqual(made[0]);
});

test('what only the old type of a Service can have goes with it', async () => {
  server.put(service(1, { type: 'LoadBalancer', externalTrafficPolicy: 'Local' }));
  const before = server.get('Service', 'demo', 'web-00001')?.['spec'];
  expect(before).toMatchObject({
    healthCheckNodePort: expect.any(Number),
    ports: [{ nodePort: expect.any(Number) }],
  });
  const answer = await patch(`${SERVICES}/web-00001`, 'merge-patch', { spec: { type: 'ClusterIP' } });
  const spec = answer.json?.['spec'] as JsonObject;
  expect(spec).not.toHaveProperty('healthCheckNodePort');
  expect(spec).not.toHaveProperty('externalTrafficPolicy');
  expect(spec['ports']).toEqual([{ name: 'http', protocol: 'TCP', port: 80, targetPort: 8080 }]);
});

test('raw objects are stored as they are', () => {
  const broken = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'Bad_Name' },
    spec: { ports: 'none' },
  };
  expect(server.put(broken, { raw: true })['spec']).toEqual({ ports: 'none' });
  expect(server.put(broken)['spec']).toMatchObject({ ports: 'none', type: 'ClusterIP' });
});

test('an update from an old version is a conflict', async () => {
  const first = server.put(service(1));
  const second = server.put(service(1, { type: 'NodePort' }));
  const path = `${SERVICES}/web-00001`;
  const stale = await send('PUT', path, first);
  expect([stale.status, stale.json?.['reason'], stale.json?.['message']]).toEqual([
    409,
    'Conflict',
    'Operation cannot be fulfilled on services "web-00001": the object has been modified; please apply your changes to the latest version and try again',
  ]);
  const fresh = await send('PUT', path, {
    ...second,
    spec: { ...(second['spec'] as JsonObject), type: 'ClusterIP' },
  });
  expect([fresh.status, valueAt(fresh.json, 'spec', 'type')]).toEqual([200, 'ClusterIP']);
});

test('the generation counts changes of the content, not of labels', async () => {
  const versions = [
    server.put(endpointSlice(1, ['10.0.0.1'])),
    server.patch('EndpointSlice', 'demo', 'web-00001-abc', { metadata: { labels: { a: 'b' } } }),
    server.put(endpointSlice(1, ['10.0.0.2'])),
  ];
  expect(versions.map((object) => valueAt(object, 'metadata', 'generation'))).toEqual([1, 1, 2]);
});

test('the three kinds of patch', async () => {
  server.put(service(1));
  const path = `${SERVICES}/web-00001`;
  const merged = await patch(path, 'merge-patch', { metadata: { labels: { a: 'b' } } });
  expect(valueAt(merged.json, 'metadata', 'labels')).toEqual({ a: 'b' });
  const strategic = await patch(path, 'strategic-merge-patch', {
    spec: { ports: [{ port: 443, name: 'https' }] },
  });
  expect(valueAt(strategic.json, 'spec', 'ports')).toMatchObject([
    { port: 80 },
    { port: 443, protocol: 'TCP' },
  ]);
  const operations = [
    { op: 'test', path: '/spec/ports/0/port', value: 80 },
    { op: 'remove', path: '/spec/ports/0' },
  ];
  const json = await patch(path, 'json-patch', operations);
  expect(valueAt(json.json, 'spec', 'ports')).toMatchObject([{ port: 443 }]);
  const failed = await patch(path, 'json-patch', operations);
  expect([failed.status, failed.json?.['reason']]).toEqual([422, 'Invalid']);
  const unknown = await send('PATCH', path, {}, { 'content-type': 'application/json' });
  expect(unknown.status).toBe(415);
});

test('a status is patched by itself', async () => {
  server.put(service(1, { type: 'LoadBalancer' }));
  const status = { loadBalancer: { ingress: [{ ip: '203.0.113.1' }] } };
  const answer = await patch(`${SERVICES}/web-00001/status`, 'merge-patch', {
    status,
    spec: { type: 'ClusterIP' },
  });
  expect(valueAt(answer.json, 'spec', 'type')).toBe('LoadBalancer');
  expect(answer.json?.['status']).toEqual(status);
});

test('a deletion answers with a Status, or with the object for Services', async () => {
  const made = server.put(endpointSlice(1, []));
  server.put(service(1));
  const slice = await send('DELETE', `${SLICES}/web-00001-abc`);
  expect(slice.json).toEqual({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: {
      name: 'web-00001-abc',
      group: 'discovery.k8s.io',
      kind: 'endpointslices',
      uid: valueAt(made, 'metadata', 'uid'),
    },
  });
  expect((await send('DELETE', `${SERVICES}/web-00001`)).json?.['kind']).toBe('Service');
  const again = await send('DELETE', `${SLICES}/web-00001-abc`);
  expect([again.status, again.json?.['message'], again.json?.['details']]).toEqual([
    404,
    'endpointslices.discovery.k8s.io "web-00001-abc" not found',
    { name: 'web-00001-abc', group: 'discovery.k8s.io', kind: 'endpointslices' },
  ]);
});

test('preconditions of a deletion', async () => {
  const uid = valueAt(server.put(service(1)), 'metadata', 'uid');
  const path = `${SERVICES}/web-00001`;
  expect((await send('DELETE', path, { preconditions: { uid: 'other' } })).status).toBe(409);
  expect((await send('DELETE', path, { preconditions: { resourceVersion: '1' } })).status).toBe(409);
  expect((await send('DELETE', path, { preconditions: { uid } })).status).toBe(200);
});

test('what has finalizers is being deleted until they are gone', async () => {
  server.put({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1', finalizers: ['test/hold'] } });
  const answer = await send('DELETE', '/api/v1/nodes/node-1');
  expect(answer.status).toBe(200);
  expect(valueAt(server.get('Node', '', 'node-1'), 'metadata', 'deletionTimestamp')).toBeTypeOf('string');
  await patch('/api/v1/nodes/node-1', 'merge-patch', { metadata: { finalizers: null } });
  expect(server.get('Node', '', 'node-1')).toBeUndefined();
});

test('a collection is deleted by a selector, a Namespace with all that is in it', async () => {
  server.put(service(1, { labels: { app: 'web' } }));
  server.put(service(2));
  expect((await send('DELETE', `${SERVICES}?labelSelector=app`)).status).toBe(200);
  expect(server.list('Service')).toHaveLength(1);
  server.delete('Namespace', '', 'demo');
  expect(server.list('Service')).toEqual([]);
});

test('every version is higher than the one before, whatever is written', async () => {
  const versions = [server.put(service(1)), server.put(endpointSlice(1, [])), server.put(service(2))];
  versions.push(server.patch('Service', 'demo', 'web-00001', { spec: { type: 'NodePort' } }));
  const numbers = versions.map(resourceVersionOf);
  expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
  expect(new Set(numbers).size).toBe(4);
});

test.each([
  ['POST', SERVICES, 'not json', 400],
  ['POST', SERVICES, { kind: 'Pod', apiVersion: 'v1', metadata: { name: 'x' } }, 400],
  ['POST', SERVICES, { metadata: { name: 'x', namespace: 'other' }, spec: { ports: [{ port: 1 }] } }, 400],
  ['POST', SERVICES, { metadata: {}, spec: { ports: [{ port: 1 }] } }, 422],
  ['POST', SERVICES, { metadata: { name: 'x' }, spec: { ports: [{ port: 1, protocol: 'ICMP' }] } }, 422],
  ['POST', SLICES, { metadata: { name: 'x' }, endpoints: [] }, 422],
  ['POST', `${SERVICES}?dryRun=All`, { metadata: { name: 'x' }, spec: { ports: [{ port: 1 }] } }, 400],
  ['PUT', `${SERVICES}/nobody`, { metadata: { name: 'nobody' } }, 404],
  ['PUT', SERVICES, {}, 405],
  ['GET', '/apis/apps/v1/deployments', undefined, 404],
  ['GET', '/nothing', undefined, 404],
] as const)('%s %s of %o is refused', async (method, path, body, status) => {
  const answer = await send(method, path, body);
  expect([answer.status, answer.json?.['kind'], answer.json?.['code']]).toEqual([status, 'Status', status]);
});

function send(method: string, path: string, body?: object | string, headers = {}): Promise<Answer> {
  return ask(server.url + path, { method, headers, ...(body === undefined ? {} : { body }) });
}

function patch(path: string, type: string, body: object): Promise<Answer> {
  return send('PATCH', path, body, { 'content-type': `application/${type}+json` });
}
