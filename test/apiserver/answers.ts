import type { IncomingMessage, ServerResponse } from 'node:http';
import { load } from 'js-yaml';
import { sendBody, sendHalf, sendPieces } from './body.ts';
import { discovery, paths, version } from './discovery.ts';
import type { Faults } from './faults.ts';
import { list, textOf } from './listing.ts';
import { openapi } from './openapi.ts';
import { apiVersionOf, type Resource } from './resources.ts';
import type { ResourceRequest } from './routes.ts';
import { both, fieldSelector, labelSelector, type Selector, SelectorError } from './selectors.ts';
import { badRequest, deleted, noSuchResource, notFound } from './statuses.ts';
import type { Store, StoredObject } from './store.ts';
import type { WatchHub } from './watching.ts';
import { keyOf, type Writer, type Written } from './writing.ts';

/** What answers are made from. */
export interface AnswerParts {
  readonly store: Store;
  readonly writer: Writer;
  readonly hub: WatchHub;
  readonly faults: Faults;
}

/**
 * Answers a request for a resource that may be answered.
 * @throws Refusal
 */
export async function answer(
  parts: AnswerParts,
  target: ResourceRequest,
  url: URL,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { store, writer, faults } = parts;
  const { resource, verb, name, namespace } = target;
  const query = url.searchParams;
  if (query.has('dryRun')) throw badRequest('this server does not do dry runs');
  const send = (object: StoredObject, code = 200) => {
    response.statusCode = code;
    return sendBody(response, `${textOf(resource, object)}\n`, faults);
  };
  const sendWritten = (written: Written) => send(written.object, written.code);
  switch (verb) {
    case 'get': {
      const object = store.get(resource, keyOf(namespace, name));
      if (object === undefined) throw notFound(resource, name);
      return send(object);
    }
    case 'list': {
      const selected = query.has('labelSelector') || query.has('fieldSelector');
      const body = list(store, { resource, selector: selectorOf(target, query), selected, query });
      const cut = faults.takeListCut(resource.plural);
      if (cut !== undefined) return sendHalf(response, [...body].join(''), cut.how ?? 'reset');
      return sendPieces(response, body, acceptsGzip(request), faults);
    }
    case 'watch':
      return parts.hub.serve({ resource, selector: selectorOf(target, query), query }, response);
    case 'create':
      return sendWritten(writer.create(target, await readBody(request)));
    case 'update':
      return sendWritten(writer.update(target, await readBody(request)));
    case 'patch': {
      const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim() ?? '';
      return sendWritten(writer.patch(target, type, await readBody(request)));
    }
    case 'delete': {
      const object = writer.delete(target, await readBody(request));
      // The real server answers with the object for these two, and for what waits for finalizers.
      const still = store.get(resource, object.key) !== undefined;
      if (still || resource.kind === 'Service' || resource.kind === 'Pod') return send(object);
      return sendBody(response, `${JSON.stringify(deleted(resource, name, object.uid))}\n`, faults);
    }
    case 'deletecollection': {
      const selector = selectorOf(target, query);
      const objects = store.list(resource).filter((object) => selector === undefined || selector(object));
      for (const object of objects) {
        writer.delete({ ...target, namespace: object.namespace, name: object.name }, undefined);
      }
      const items = objects.map((object) => textOf(resource, object));
      const head = `"kind":"${resource.kind}List","apiVersion":"${apiVersionOf(resource)}"`;
      const metadata = `{"resourceVersion":"${store.revision}"}`;
      return sendBody(response, `{${head},"metadata":${metadata},"items":[${items.join(',')}]}\n`, faults);
    }
  }
}

/**
 * Answers a request for a path that is no resource: health, version, discovery.
 * @throws Refusal
 */
export async function answerPath(path: string, response: ServerResponse, faults: Faults): Promise<void> {
  if (/^\/(healthz|livez|readyz)(\/|$)/.test(path)) {
    response.setHeader('Content-Type', 'text/plain; charset=utf-8');
    response.setHeader('X-Content-Type-Options', 'nosniff');
    return sendBody(response, 'ok', faults);
  }
  if (path === '/version') return sendBody(response, JSON.stringify(version(), undefined, 2), faults);
  const document = path === '/' ? paths() : (discovery(path) ?? openapi(path));
  if (document === undefined) throw noSuchResource();
  await sendBody(response, `${JSON.stringify(document)}\n`, faults);
}

function selectorOf(target: ResourceRequest, query: URLSearchParams): Selector {
  const { namespace, name, resource } = target;
  const inNamespace: Selector = namespace === '' ? undefined : (object) => object.namespace === namespace;
  const named: Selector = name === '' ? undefined : (object) => object.name === name;
  try {
    const byLabel = labelSelector(query.get('labelSelector') ?? '');
    const byField = fieldSelector(query.get('fieldSelector') ?? '', knownFields(resource));
    return both(both(inNamespace, named), both(byLabel, byField));
  } catch (error) {
    if (error instanceof SelectorError) throw badRequest(error.message);
    throw error;
  }
}

function knownFields(resource: Resource): ReadonlySet<string> {
  return new Set(Object.keys(resource.fields({})));
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  if (text.trim() === '') return undefined;
  try {
    const yaml = (request.headers['content-type'] ?? '').includes('yaml');
    return yaml ? load(text) : (JSON.parse(text) as unknown);
  } catch (error) {
    throw badRequest(`the object provided is unrecognized (must be of type JSON): ${String(error)}`);
  }
}

function acceptsGzip(request: IncomingMessage): boolean {
  return String(request.headers['accept-encoding'] ?? '').includes('gzip');
}
