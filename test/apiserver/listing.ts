import { apiVersionOf, type Resource } from './resources.ts';
import type { Selector } from './selectors.ts';
import {
  badRequest,
  continueExpired,
  invalidListOptions,
  listExpired,
  tooLargeResourceVersion,
} from './statuses.ts';
import { contentOf, type Store, type StoredObject } from './store.ts';

/** One request for a list. */
export interface ListRequest {
  readonly resource: Resource;
  /** Namespace and selectors in one. */
  readonly selector: Selector;
  /** True where a label or field selector was given: then the real server counts no remaining items. */
  readonly selected: boolean;
  readonly query: URLSearchParams;
}

/**
 * The body of a list, piece by piece.
 * @throws Refusal
 */
export function list(store: Store, request: ListRequest): Generator<string> {
  const { resource, selector, query } = request;
  const limit = integer(query, 'limit');
  const token = query.get('continue') ?? '';
  const start = token === '' ? undefined : decodeToken(token);
  if (start !== undefined && !['', '0'].includes(query.get('resourceVersion') ?? '')) {
    throw badRequest('specifying resource version is not allowed when using continue');
  }
  const revision = start === undefined ? listRevision(store, query, limit) : continueRevision(store, start);
  const all = revision === store.revision ? store.list(resource) : store.listAt(resource, revision);
  const from = start === undefined ? 0 : firstAfter(all, start.after);
  const page: StoredObject[] = [];
  let index = from;
  for (; index < all.length && (limit === 0 || page.length < limit); index++) {
    const object = all[index];
    if (object !== undefined && (selector === undefined || selector(object))) page.push(object);
  }
  const last = page.at(-1);
  if (index >= all.length || last === undefined)
    return pieces(resource, revision, page, undefined, undefined);
  const next = encodeToken(revision, `/${last.key}\0`);
  const remaining = request.selected ? undefined : countFrom(all, index, selector);
  return pieces(resource, revision, page, remaining === 0 ? undefined : next, remaining);
}

/** An object of a resource as JSON text, with kind and apiVersion. */
export function textOf(resource: Resource, object: StoredObject): string {
  return `{"kind":"${resource.kind}","apiVersion":"${apiVersionOf(resource)}",${shownTail(resource, object)}`;
}

function shownTail(resource: Resource, object: StoredObject): string {
  if (resource.view === undefined) return object.tail;
  const { kind: _kind, apiVersion: _apiVersion, ...shown } = resource.view.show(contentOf(object));
  return JSON.stringify(shown).slice(1);
}

function* pieces(
  resource: Resource,
  revision: number,
  page: readonly StoredObject[],
  continueToken: string | undefined,
  remaining: number | undefined,
): Generator<string> {
  const metadata = {
    resourceVersion: String(revision),
    ...(continueToken === undefined ? {} : { continue: continueToken }),
    ...(remaining === undefined || remaining === 0 ? {} : { remainingItemCount: remaining }),
  };
  yield `{"kind":"${resource.kind}List","apiVersion":"${apiVersionOf(resource)}",`;
  yield `"metadata":${JSON.stringify(metadata)},"items":[`;
  let separator = '{';
  for (const object of page) {
    yield separator + shownTail(resource, object);
    separator = ',{';
  }
  yield ']}\n';
}

/** Which revision a list that is not a continued one shows. */
function listRevision(store: Store, query: URLSearchParams, limit: number): number {
  const text = query.get('resourceVersion') ?? '';
  const match = query.get('resourceVersionMatch') ?? '';
  if (!['', 'Exact', 'NotOlderThan'].includes(match)) {
    throw invalidListOptions('resourceVersionMatch', `unsupported value "${match}"`);
  }
  if (match !== '' && text === '') {
    const why = 'resourceVersionMatch is forbidden unless resourceVersion is provided';
    throw invalidListOptions('resourceVersionMatch', why);
  }
  if (match === 'Exact' && text === '0') {
    const why = 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"';
    throw invalidListOptions('resourceVersionMatch', why);
  }
  const requested = revisionOf(text);
  if (requested > store.revision) throw tooLargeResourceVersion(requested, store.revision);
  // A limit with a version and no match means Exact: how it was before there was a match.
  const exact = match === 'Exact' || (match === '' && limit > 0 && requested > 0);
  if (!exact) return store.revision;
  if (requested < store.compacted) throw listExpired();
  return requested;
}

function continueRevision(store: Store, token: Token): number {
  if (token.revision < 0) return store.revision;
  // A server that has started over with lower versions does not have this one yet, or has another one by this name.
  if (token.revision > store.revision || token.revision < store.compacted) {
    throw continueExpired(encodeToken(-1, `${token.after}\0`));
  }
  return token.revision;
}

/** A resourceVersion as a number; 0 where it is empty. @throws Refusal */
export function revisionOf(text: string): number {
  if (!/^\d*$/.test(text)) {
    throw badRequest(`Invalid value: "${text}": strconv.ParseUint: parsing "${text}": invalid syntax`);
  }
  return Number(text);
}

/** A query parameter that is a number; 0 where it is missing. @throws Refusal */
export function integer(query: URLSearchParams, name: string): number {
  const text = query.get(name) ?? '';
  if (!/^-?\d*$/.test(text)) throw badRequest(`strconv.ParseInt: parsing "${text}": invalid syntax`);
  return Number(text);
}

/** Where a list goes on: in the state at this revision (-1: the present one), after this key. */
interface Token {
  readonly revision: number;
  readonly after: string;
}

function encodeToken(revision: number, start: string): string {
  const text = JSON.stringify({ v: 'meta.k8s.io/v1', rv: revision, start });
  return Buffer.from(text).toString('base64url');
}

function decodeToken(token: string): Token {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(token, 'base64url').toString());
    const { rv, start } = parsed as { rv: unknown; start: unknown };
    if (typeof rv === 'number' && typeof start === 'string') {
      return { revision: rv, after: start.replace(/^\//, '').replace(/\0$/, '') };
    }
  } catch {
    // Said below, together with what parses but is no token.
  }
  throw badRequest('continue key is not valid: illegal base64 data');
}

function firstAfter(objects: readonly StoredObject[], key: string): number {
  let low = 0;
  let high = objects.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((objects[middle]?.key ?? '') <= key) low = middle + 1;
    else high = middle;
  }
  return low;
}

function countFrom(objects: readonly StoredObject[], index: number, selector: Selector): number {
  if (selector === undefined) return objects.length - index;
  let count = 0;
  for (let at = index; at < objects.length; at++) {
    const object = objects[at];
    if (object !== undefined && selector(object)) count++;
  }
  return count;
}
