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
      throw new UsageError(
        `${place()}: a document must be a Kubernetes object: current value is ${nameOfType(value)}`,
      );
    }
    collect(value, { found, place, warn, path: '', depth: 0 });
  }
  return found;
}

interface Collection {
  readonly found: FileObject[];
  readonly place: () => string;
  readonly warn: (message: string) => void;
  /** Where in the document: empty, or `items[3]`. */
  readonly path: string;
  /** How many lists there are around it. */
  readonly depth: number;
}

/** Lists in lists: nobody needs more. */
const MAX_DEPTH = 100;

function collect(object: Readonly<Record<string, unknown>>, into: Collection, itemKind?: string): void {
  const { kind = itemKind, apiVersion, items } = object;
  const ignore = (why: string): void => {
    into.warn(`${into.place()}: ${into.path}${into.path && ': '}${why}; it is ignored`);
  };
  if (typeof kind !== 'string') {
    ignore(`an object must have a kind: current value is ${nameOfType(kind)}`);
    return;
  }
  if (kind.endsWith('List') && Array.isArray(items)) {
    if (into.depth === MAX_DEPTH) {
      throw new UsageError(`${into.place()}: Lists must not be nested more than ${MAX_DEPTH} deep`);
    }
    // Items of a typed list carry neither kind nor apiVersion of their own.
    const inner = kind === 'List' ? undefined : kind.slice(0, -'List'.length);
    for (const [i, item] of items.entries()) {
      const path = `${into.path}${into.path && '.'}items[${i}]`;
      const at = { ...into, path, depth: into.depth + 1 };
      if (isObject(item)) collect(inner === undefined ? item : { apiVersion, ...item }, at, inner);
      else
        into.warn(
          `${into.place()}: ${path} must be an object: current value is ${nameOfType(item)}; it is ignored`,
        );
    }
    return;
  }
  if (!Object.hasOwn(VERSIONS, kind)) return;
  const known = kind as FileObject['kind'];
  if (typeof apiVersion !== 'string') {
    ignore(`a ${kind} must have an apiVersion: current value is ${nameOfType(apiVersion)}`);
  } else if (VERSIONS[known].includes(apiVersion)) {
    into.found.push({ kind: known, object });
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function nameOfType(value: unknown): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
