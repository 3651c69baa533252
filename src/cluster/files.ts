import { UsageError } from '../config/usage.ts';
import { parseDocuments } from './documents.ts';
import type { Kind } from './source.ts';

/** An object from a file: of a kind that matters, not looked into any further. */
export interface FileObject {
  readonly kind: Kind | 'Endpoints';
  readonly object: unknown;
}

/** The API groups and versions in which a kind is read. */
const VERSIONS: Readonly<Record<FileObject['kind'], readonly string[]>> = {
  Service: ['v1'],
  Endpoints: ['v1'],
  Node: ['v1'],
  EndpointSlice: ['discovery.k8s.io/v1'],
  ServiceCIDR: ['networking.k8s.io/v1', 'networking.k8s.io/v1beta1', 'networking.k8s.io/v1alpha1'],
};

/**
 * Reads the objects of a YAML or JSON text: several documents, lists, any mix of kinds. Kinds that do not matter to
 * a proxy are left out.
 * @param source how the text is called in messages
 * @param warn takes a line for each thing that is no object of the API and is left out
 * @throws UsageError naming source and line, where the text does not parse or a document is no object
 */
export function readObjects(
  text: string,
  source: string,
  warn: (message: string) => void,
): readonly FileObject[] {
  const found: FileObject[] = [];
  for (const { value, place } of parseDocuments(text, source)) {
    if (value === null || value === undefined) continue;
    if (!isObject(value)) {
      throw new UsageError(`${place()}: a document ${mustBe('a Kubernetes object', value)}`);
    }
    collect(value, { found, warn, document: place, path: '', depth: 0 });
  }
  return found;
}

interface Place {
  readonly found: FileObject[];
  readonly warn: (message: string) => void;
  /** `FILE:LINE` of the document. */
  readonly document: () => string;
  /** Where in the document: empty, or `items[3]`. */
  readonly path: string;
  /** How many lists there are around it. */
  readonly depth: number;
}

/** Lists in lists: nobody needs more. */
const MAX_DEPTH = 100;

function collect(object: Readonly<Record<string, unknown>>, place: Place, itemKind?: string): void {
  const { kind = itemKind, apiVersion } = object;
  if (typeof kind !== 'string') {
    ignore(place, 'kind', `${mustBe('text', kind)}; the object is ignored`);
  } else if (kind === 'List' || isListOfKnown(kind)) {
    collectItems(object, kind, place);
  } else if (isKnown(kind)) {
    if (typeof apiVersion !== 'string') {
      ignore(place, 'apiVersion', `${mustBe('text', apiVersion)}; the ${kind} is ignored`);
    } else if (VERSIONS[kind].includes(apiVersion)) {
      place.found.push({ kind, object });
    }
  }
}

function collectItems(list: Readonly<Record<string, unknown>>, kind: string, place: Place): void {
  const { apiVersion } = list;
  const items = list['items'] ?? [];
  if (!Array.isArray(items)) {
    ignore(place, 'items', `${mustBe('a list', items)}; the ${kind} is ignored`);
    return;
  }
  if (place.depth === MAX_DEPTH) {
    throw new UsageError(`${place.document()}: Lists must not be nested more than ${MAX_DEPTH} deep`);
  }
  for (const [i, item] of items.entries()) {
    const at = { ...place, path: fieldPath(place, `items[${i}]`), depth: place.depth + 1 };
    if (!isObject(item)) ignore(place, `items[${i}]`, `${mustBe('an object', item)}; it is ignored`);
    else if (kind === 'List') collect(item, at);
    // Items of a typed list carry neither kind nor apiVersion of their own.
    else collect({ apiVersion, ...item }, at, kind.slice(0, -'List'.length));
  }
}

function ignore(place: Place, field: string, why: string): void {
  place.warn(`${place.document()}: ${fieldPath(place, field)} ${why}`);
}

function fieldPath({ path }: Place, field: string): string {
  return path === '' ? field : `${path}.${field}`;
}

function isKnown(kind: string): kind is FileObject['kind'] {
  return Object.hasOwn(VERSIONS, kind);
}

function isListOfKnown(kind: string): boolean {
  return kind.endsWith('List') && isKnown(kind.slice(0, -'List'.length));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function mustBe(what: string, value: unknown): string {
  return value === undefined ? 'is missing' : `must be ${what}: current value is ${nameOfType(value)}`;
}

function nameOfType(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
