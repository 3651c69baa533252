import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, ask, type OpenWatch, openWatch, type WatchEvent } from './client.ts';
import { eventually } from './eventually.ts';
import { asArray, asObject, type JsonObject, valueAt } from './json.ts';
import { type ApiServer, resourceVersionOf, startApiServer } from './server.ts';
import { eventsOf, type Transcript, transcript } from './transcript.ts';

/**
 * The recordings were made one after the other against one cluster. Here the same is done to our server, in the same
 * order and with the same resource versions, and every answer is held against the recorded one.
 */
describe('what the recorded API server said, this one says too', () => {
  let server: ApiServer;
  const watches: OpenWatch[] = [];

  beforeAll(async () => {
    server = await startApiServer({
      tokens: { 'admin-token': 'admin' },
      deny: ({ user }) => user.name.endsWith(':nobody'),
      resourceVersion: 5,
    });
  });

  afterAll(async () => {
    for (const watch of watches) watch.close();
    await server.close();
  });

  test('a list with resourceVersion=0', async () => {
    const initial = eventsOf(await transcript('watch-list-then-changes')).slice(0, 6);
    const cidrs = (await transcript('list-servicecidrs')).body;
    const slices = (await transcript('list-rv0')).body;
    putAll([
      ...itemsOf(cidrs),
      ...itemsOf(slices),
      ...initial.map((event) => asObject(event['object']) ?? {}),
    ]);
    expect(server.resourceVersion).toBe(221);
    await sameAnswer('list-rv0');
  });

  test('two pages of a list with selectors', async () => {
    const node = eventsOf(await transcript('watch-list-nodes'))[0];
    putAll([asObject(node?.['object']) ?? {}]);
    await sameAnswer('list-page-1');
    await sameAnswer('list-page-2');
  });

  test('watches that see an object change, leave the selection, and go', async () => {
    const slices = await transcript('watch-changes');
    const services = await transcript('watch-list-then-changes');
    const [sliceWatch, serviceWatch] = [await watchAs(slices), await watchAs(services)];
    const changedSlice = objectWith(slices, 223);
    const changedService = objectWith(services, 229);

    server.put(changedSlice, { resourceVersion: 223 });
    server.delete('EndpointSlice', 'demo', 'web-5-abc');
    server.patch('EndpointSlice', 'demo', 'web-4-abc', {
      metadata: { labels: { 'service.kubernetes.io/headless': '' } },
    });
    server.delete('Service', 'demo', 'web-5');
    server.put(changedService, { resourceVersion: 229 });
    await sameEvents(serviceWatch, eventsOf(services).slice(0, 9));
    await sameEvents(sliceWatch, eventsOf(slices).slice(0, 3));
  });

  test('watch-lists of one object and of none', async () => {
    for (const name of ['watch-list-nodes', 'watch-list-empty']) {
      const recorded = await transcript(name);
      await sameEvents(await watchAs(recorded), eventsOf(recorded));
    }
  });

  test('bookmarks', async () => {
    server.advance(230);
    const [slices, services] = watches;
    server.bookmark();
    const recorded = eventsOf(await transcript('watch-list-then-changes'));
    await sameEvents(services, recorded.slice(0, 10));
    await expect
      .poll(() => slices?.events.at(-1))
      .toMatchObject({
        type: 'BOOKMARK',
        object: { metadata: { resourceVersion: '230' } },
      });
    const bookmark = eventsOf(await transcript('watch-changes')).at(-1);
    expect(shapeOf(slices?.events.at(-1)?.object)).toEqual(shapeOf(bookmark?.['object']));
  });

  test.each([
    'list-gzip-small',
    'list-servicecidrs',
    'discovery',
    'readyz',
    'error-400-field-selector',
    'error-400-limit',
    'error-401',
    'error-403',
    'error-404-resource',
    'error-409-create',
    'error-422',
    'error-504-too-large-rv',
    'event-create-invalid',
  ])('%s', async (name) => {
    await sameAnswer(name);
  });

  test('version', async () => {
    const recorded = await transcript('version');
    const answer = await askAs(recorded);
    sameHeaders(answer, recorded);
    expect(Object.keys(answer.json ?? {})).toEqual(Object.keys(JSON.parse(recorded.body) as JsonObject));
    expect(answer.json).toMatchObject({ major: '1', minor: '36' });
  });

  test('a created Event', async () => {
    const recorded = await transcript('event-create');
    const answer = await askAs(recorded);
    sameHeaders(answer, recorded);
    expect(answer.json).toEqual({
      ...withoutManagers(JSON.parse(recorded.body) as JsonObject),
      metadata: {
        name: 'web-1.17',
        namespace: 'demo',
        uid: expect.stringMatching(/^[0-9a-f-]{36}$/),
        resourceVersion: '231',
        creationTimestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      },
    });
  });

  test('a merge patch, and what a watch says of it', async () => {
    const recorded = await transcript('patch-merge');
    const answer = await askAs(recorded);
    sameHeaders(answer, recorded);
    const wanted = withoutManagers(JSON.parse(recorded.body) as JsonObject);
    expect(withoutManagers(answer.json ?? {})).toEqual(wanted);
    const [slices] = watches;
    await eventually(() => slices?.events.at(-1)?.type).toBe('MODIFIED');
    expect(withoutManagers(slices?.events.at(-1)?.object ?? {})).toEqual(wanted);
  });

  test('a history that is compacted: as a status for lists, as an event for watches', async () => {
    server.advance(266);
    server.compact();
    await sameAnswer('error-410-list-exact');
    await sameAnswer('error-410-continue');
    const recorded = await transcript('error-410-watch');
    const watch = await watchAs(recorded);
    await sameEvents(watch, eventsOf(recorded));
    await eventually(() => watch.state).toBe('ended');
  });

  test('a server that shuts down ends its watches', async () => {
    const recorded = await transcript('watch-cut-by-shutdown');
    for (const event of eventsOf(recorded)) {
      const object = asObject(event['object']) ?? {};
      if (event['type'] === 'ADDED') server.put(object, { resourceVersion: resourceVersionOf(object) });
    }
    // The recording has objects that were made before what was compacted above.
    const watch = await watchAs(recorded);
    await eventually(() => watch.events.at(-1)?.type).toBe('BOOKMARK');
    server.endWatches();
    await eventually(() => watch.state).toBe('ended');
    const wanted = eventsOf(recorded);
    expect(watch.events.map(({ type, object }) => [type, valueAt(object, 'metadata', 'name')])).toEqual(
      wanted.map((event) => [event['type'], valueAt(event, 'object', 'metadata', 'name')]),
    );
    expect(watch.events.map(({ object }) => shapeOf(object))).toEqual(
      wanted.map((event) => shapeOf(event['object'])),
    );
  });

  function putAll(objects: readonly JsonObject[]): void {
    const inOrder = [...objects].sort((a, b) => resourceVersionOf(a) - resourceVersionOf(b));
    for (const object of inOrder) server.put(object, { resourceVersion: resourceVersionOf(object) });
  }

  function askAs(recorded: Transcript): Promise<Answer> {
    const { method, headers, requestBody } = recorded;
    return ask(server.url + recorded.path, {
      method,
      headers,
      ...(requestBody === undefined ? {} : { body: requestBody }),
    });
  }

  /** Without the time limit: that a watch ends in time is tested elsewhere. */
  async function watchAs(recorded: Transcript): Promise<OpenWatch> {
    const path = recorded.path.replace(/timeoutSeconds=\d+/, 'timeoutSeconds=300');
    const watch = await openWatch(server.url + path, { headers: recorded.headers });
    expect(watch.status).toBe(recorded.status);
    watches.push(watch);
    return watch;
  }

  async function sameAnswer(name: string): Promise<void> {
    const recorded = await transcript(name);
    const answer = await askAs(recorded);
    sameHeaders(answer, recorded);
    if (recorded.responseHeaders['content-type'] === 'application/json') {
      expect(answer.json).toEqual(JSON.parse(recorded.body));
      expect(answer.text.endsWith('\n')).toBe(recorded.body.endsWith('\n'));
    } else expect(answer.text).toBe(recorded.body);
  }
});

/** Headers whose value means something, and headers that only have to be there. */
function sameHeaders(answer: Answer, recorded: Transcript): void {
  expect(answer.status).toBe(recorded.status);
  for (const name of [
    'content-type',
    'cache-control',
    'retry-after',
    'x-content-type-options',
    'content-encoding',
  ]) {
    expect([name, answer.headers[name]]).toEqual([name, recorded.responseHeaders[name]]);
  }
  for (const name of [
    'audit-id',
    'date',
    'content-length',
    'transfer-encoding',
    'x-kubernetes-pf-flowschema-uid',
  ]) {
    expect([name, name in answer.headers]).toEqual([name, name in recorded.responseHeaders]);
  }
}

async function sameEvents(watch: OpenWatch | undefined, wanted: readonly JsonObject[]): Promise<void> {
  const comparable = (events: readonly unknown[] | undefined) =>
    events?.map((event) => ({
      ...asObject(event),
      object: withoutManagers(asObject(valueAt(event, 'object')) ?? {}),
    }));
  await eventually(() => watch?.events.length).toBe(wanted.length);
  expect(comparable(watch?.events)).toEqual(comparable(wanted));
}

function objectWith(recorded: Transcript, resourceVersion: number): JsonObject {
  const events = eventsOf(recorded) as unknown as readonly WatchEvent[];
  return events.find(({ object }) => resourceVersionOf(object) === resourceVersion)?.object ?? {};
}

/** Items of a recorded list, with the kind that they do not say. */
function itemsOf(list: string): JsonObject[] {
  const parsed = JSON.parse(list) as JsonObject;
  const kind = String(parsed['kind']).replace(/List$/, '');
  const items = asArray(parsed['items']) ?? [];
  return items.map((item) => ({ apiVersion: parsed['apiVersion'], kind, ...asObject(item) }));
}

/** Who manages which field is not kept by this server. */
function withoutManagers(object: JsonObject): JsonObject {
  const { managedFields: _managedFields, ...metadata } = asObject(object['metadata']) ?? {};
  return { ...object, metadata };
}

/** Names of fields, two levels deep. */
function shapeOf(object: unknown): unknown {
  return Object.entries(asObject(object) ?? {}).map(([field, value]) => [
    field,
    Object.keys(asObject(value) ?? {}).sort(),
  ]);
}
