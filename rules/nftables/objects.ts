import type { KernelObject } from '../fragment.ts';

/**
 * Objects of one family's table, by key:
 * - `chain NAME`: its text is its body, a line for each rule, begun by the hook of a base chain and its comment
 * - `set NAME`, `map NAME`: its text is its definition, a line for each property
 * - `element NAME KEY`: its text is what follows the key in a listing: a comment, `: ` and the verdict
 */
export type ObjectKind = 'chain' | 'set' | 'map' | 'element';

/** In a ledger: the table itself. Its text is empty. */
export const TABLE_KEY = 'table';

export interface ParsedKey {
  readonly kind: ObjectKind;
  /** Of the chain, the set or the map. */
  readonly name: string;
  /** Of an element. */
  readonly element: string | undefined;
}

export function chainObject(name: string, lines: readonly string[]): KernelObject {
  return { key: `chain ${name}`, text: lines.join('\n') };
}

export function setObject(kind: 'set' | 'map', name: string, lines: readonly string[]): KernelObject {
  return { key: `${kind} ${name}`, text: lines.join('\n') };
}

export function elementObject(container: string, element: string, text = ''): KernelObject {
  return { key: `element ${container} ${element}`, text };
}

export function parseKey(key: string): ParsedKey {
  const first = key.indexOf(' ');
  const kind = key.slice(0, first) as ObjectKind;
  if (kind !== 'element') return { kind, name: key.slice(first + 1), element: undefined };
  const second = key.indexOf(' ', first + 1);
  return { kind, name: key.slice(first + 1, second), element: key.slice(second + 1) };
}

export function linesOf(text: string): string[] {
  return text === '' ? [] : text.split('\n');
}
