import { CORE_SCHEMA, loadAll, YAMLException } from 'js-yaml';
import { UsageError } from '../config/usage.ts';
import type { Kind } from './source.ts';

/** An object from a file: of a kind that matters, not looked into any further. */
export interface FileObject {
  readonly kind: Kind | 'Endpoints';
  readonly object: unknown;
}

const GROUPS: Readonly<Record<FileObject['kind'], RegExp>> = {
  Service: /^v1$/,
  Endpoints: /^v1$/,
  Node: /^v1$/,
  EndpointSlice: /^discovery\.k8s\.io\/v1$/,
  ServiceCIDR: /^networking\.k8s\.io\/v1(beta1|alpha1)?$/,
};

/**
 * Reads the objects of a YAML or JSON text: several documents, lists, any mix of kinds. Kinds that do not matter to
 * a proxy are left out.
 * @param source how the text is called in errors
 * @throws UsageError naming source and line, where the text does not parse or holds something that is no object
 */
export function readObjects(text: string, source: string): readonly FileObject[] {
  const found: FileObject[] = [];
  for (const [i, document] of parseDocuments(text, source).entries()) {
    if (document === null || document === undefined) continue;
    if (!isObject(document)) {
      throw new UsageError(
        `${source}: document ${i + 1} must be a Kubernetes object: current value is a ${typeOf(document)}`,
      );
    }
    collect(document, found);
  }
  return found;
}

function collect(object: Readonly<Record<string, unknown>>, found: FileObject[], itemKind?: string): void {
  const { kind = itemKind, apiVersion, items } = object;
  if (typeof kind === 'string' && kind.endsWith('List') && Array.isArray(items)) {
    // Items of a typed list carry neither kind nor apiVersion of their own.
    const inner = kind === 'List' ? undefined : kind.slice(0, -'List'.length);
    for (const item of items) {
      if (isObject(item)) collect(inner === undefined ? item : { apiVersion, ...item }, found, inner);
    }
    return;
  }
  if (typeof kind !== 'string' || !Object.hasOwn(GROUPS, kind)) return;
  const known = kind as FileObject['kind'];
  if (typeof apiVersion === 'string' && GROUPS[known].test(apiVersion)) found.push({ kind: known, object });
}

function parseDocuments(text: string, source: string): unknown[] {
  try {
    // JSON.parse is many times faster, and dumps of big clusters are JSON.
    if (/^\s*[{[]/.test(text)) return [JSON.parse(text)];
  } catch {
    // Perhaps YAML in flow style; if not, the YAML parser says where it is wrong.
  }
  try {
    return loadAll(text, { schema: CORE_SCHEMA, filename: source }) as unknown[];
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    const line = error.mark ? `:${error.mark.line + 1}:${error.mark.column + 1}` : '';
    throw new UsageError(`${source}${line}: ${error.reason}`, { cause: error });
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function typeOf(value: unknown): string {
  return Array.isArray(value) ? 'list' : typeof value;
}
