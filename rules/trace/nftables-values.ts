import { cidrContains, numberOf } from '../address.ts';
import type { Address, Cidr } from '../model.ts';
import type { NftablesTable } from './nftables-tables.ts';

/** What a field is compared with or looked up in. */
export type Values =
  | { readonly kind: 'set'; readonly name: string }
  | { readonly kind: 'listed'; readonly entries: readonly Entry[] };

export interface Entry {
  readonly key: string;
  /** What it maps to, empty in a set. */
  readonly text: string;
}

/**
 * Looks up a key of one part or several.
 * @returns what it maps to (empty in a set), undefined where it is not there
 */
export function lookUp(
  values: Values,
  parts: readonly string[],
  sets: NftablesTable['sets'],
): string | undefined {
  if (values.kind === 'listed') return entryFor(values.entries, parts)?.text;
  const set = sets.get(values.name);
  const found = set?.elements.get(parts.join(' . '));
  if (found !== undefined || !set?.hasIntervals) return found;
  return entryFor(
    [...set.elements].map(([key, text]) => ({ key, text })),
    parts,
  )?.text;
}

/** `{ a : b, c : d }`, `@set` or a single value, as a rule has it. */
export function parseValues(text: string): Values {
  if (text.startsWith('@')) return { kind: 'set', name: text.slice(1) };
  const inner = text.startsWith('{') ? text.slice(1, -1).split(', ') : text.split(',');
  const entries = inner.map((each) => {
    const [key = '', ...rest] = each.trim().split(' : ');
    return { key, text: rest.join(' : ') };
  });
  return { kind: 'listed', entries };
}

/** What is listed catches all else by `*`. */
function entryFor(entries: readonly Entry[], parts: readonly string[]): Entry | undefined {
  return entries.find(({ key }) => covers(key, parts)) ?? entries.find(({ key }) => key === '*');
}

function covers(key: string, parts: readonly string[]): boolean {
  if (parts.length === 1) return coversPart(key, parts[0] ?? '');
  const wanted = key.split(' . ');
  return wanted.length === parts.length && wanted.every((each, i) => coversPart(each, parts[i] ?? ''));
}

function coversPart(wanted: string, value: string): boolean {
  if (wanted === value) return true;
  if (wanted.startsWith('"')) {
    const name = wanted.slice(1, -1);
    return name.endsWith('*') ? value.startsWith(name.slice(0, -1)) : value === name;
  }
  if (/[/]\d+$/.test(wanted)) return cidrContains(wanted as Cidr, value as Address);
  const [first = '', last] = wanted.split('-');
  if (last === undefined) return false;
  return numeric(first) <= numeric(value) && numeric(value) <= numeric(last);
}

function numeric(text: string): bigint {
  if (/^\d+$/.test(text)) return BigInt(text);
  return /^[\d.]+$|:/.test(text) ? numberOf(text) : -1n;
}
