import type { ObjectProblems } from './problem.ts';
import { show } from './problem.ts';

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

/** The objects of a list. What else there may be is left out. */
export function objects(value: unknown): readonly Json[] {
  return (asList(value) ?? []).map(asObject).filter((entry) => entry !== undefined);
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

/** What stands for "not given" in the API: null, and empty text. */
export function given(value: unknown): unknown {
  return value === null || value === '' ? undefined : value;
}

export function labelsOf(object: Json): Json {
  return asObject(asObject(object['metadata'])?.['labels']) ?? {};
}

/** Families as the API names them. */
export const FAMILY_NAMES = { ipv4: 'IPv4', ipv6: 'IPv6' } as const;

/** What a name has to be like. */
export interface NameRule {
  readonly test: (text: string) => boolean;
  /** What a name of this kind is called, and what it may have in it. */
  readonly must: string;
}

/** RFC 1123 label: names of Services and namespaces, ports and chains are built from these. */
export const LABEL: NameRule = {
  test: (text) => text.length <= 63 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(text),
  must: 'a DNS label (at most 63 of a-z, 0-9 and "-", beginning and ending with a letter or digit)',
};

/** RFC 1123 subdomain: names of Nodes and EndpointSlices. */
export const SUBDOMAIN: NameRule = {
  test: (text) =>
    text.length <= 253 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(text),
  must: 'a DNS name (at most 253 of a-z, 0-9 and "-", in parts with "." between them)',
};

export function isName(value: unknown, rule: NameRule): value is string {
  return typeof value === 'string' && rule.test(value);
}

/** What something that is no such name must be. YAML has names that look like names and are numbers. */
export function mustBe(rule: NameRule, value: unknown): string {
  return typeof value === 'string' || value === undefined ? rule.must : `text, ${rule.must}`;
}

/** metadata.uid, by which Events find their object. Not there in most files. */
export function uidOf(raw: Json): string | undefined {
  const uid = asObject(raw['metadata'])?.['uid'];
  return typeof uid === 'string' && UID.test(uid) ? uid : undefined;
}

/** A UUID where an API server made it; others are as good. */
const UID = /^[\w.-]{1,64}$/;

export interface Identity {
  readonly namespace: string;
  readonly name: string;
}

/**
 * Name and namespace of a namespaced object; no namespace means `default`, as kubectl has it.
 * @returns undefined, and a problem that costs the object, where the API server would not accept them.
 */
export function readIdentity(
  raw: Json,
  rule: NameRule,
  problems: ObjectProblems,
  cost: string,
): Identity | undefined {
  const name = readName(raw, rule, problems, cost);
  if (name === undefined) return undefined;
  const namespace = asObject(raw['metadata'])?.['namespace'] ?? 'default';
  if (isName(namespace, LABEL)) return { namespace, name };
  problems.add('metadata.namespace', mustBe(LABEL, namespace), namespace, cost);
  return undefined;
}

/** metadata.name. undefined, and a problem that costs the object, where it breaks the rule. */
export function readName(
  raw: Json,
  rule: NameRule,
  problems: ObjectProblems,
  cost: string,
): string | undefined {
  const metadata = raw['metadata'] ?? {};
  const name = asObject(metadata)?.['name'];
  if (isName(name, rule)) return name;
  if (!asObject(metadata)) problems.add('metadata', 'an object', metadata, cost);
  else problems.add('metadata.name', mustBe(rule, name), name, cost);
  return undefined;
}

/** How an object is called in messages, whatever its names look like. */
export function displayName(object: Json, namespaced: boolean): string {
  const metadata = asObject(object['metadata']);
  const name = metadata?.['name'] ?? '(no name)';
  const namespace = metadata?.['namespace'] ?? 'default';
  const parts = namespaced ? [namespace, name] : [name];
  return parts
    .map((part) => (typeof part === 'string' && /^[\w.()\- ]{1,253}$/.test(part) ? part : show(part)))
    .join('/');
}
