/** Reading JSON that nobody has validated. */
export type Json = Readonly<Record<string, unknown>>;

export function asObject(value: unknown): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
}

/** An absent list is empty. undefined: it is there and no list. */
export function asList(value: unknown): readonly unknown[] | undefined {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : undefined;
}

export function asString(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** A whole number in the range, both ends included. */
export function asInteger(value: unknown, low: number, high: number): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= low && value <= high
    ? value
    : undefined;
}

export function labelsOf(object: Json): Json {
  return asObject(asObject(object['metadata'])?.['labels']) ?? {};
}

/** RFC 1123 label: names of Services and namespaces, ports and chains are built from these. */
export function isLabel(text: string): boolean {
  return text.length <= 63 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(text);
}

/** RFC 1123 subdomain: names of Nodes and EndpointSlices. */
export function isSubdomain(text: string): boolean {
  return text.length <= 253 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(text);
}

export const LABEL_RULE =
  'at most 63 lower-case letters, digits and "-", beginning and ending with a letter or digit';
export const SUBDOMAIN_RULE = 'at most 253 lower-case letters, digits, "-" and "."';

/**
 * `namespace/name` of a namespaced object, as the API server would accept it; `name` alone for others. Absent
 * namespaces mean `default`, as kubectl has it.
 */
export interface Identity {
  readonly namespace: string;
  readonly name: string;
  readonly key: string;
}

/** How an object is called in messages, whatever its names look like. */
export function displayName(object: Json, namespaced: boolean): string {
  const metadata = asObject(object['metadata']) ?? {};
  const name = asString(metadata['name']);
  const namespace = asString(metadata['namespace']) ?? 'default';
  const parts = namespaced ? [namespace, name ?? '(no name)'] : [name ?? '(no name)'];
  // Names in messages are shown as they are where that is harmless.
  return parts
    .map((part) => (/^[\w.()\- ]{1,253}$/.test(part) ? part : JSON.stringify(part.slice(0, 100))))
    .join('/');
}
