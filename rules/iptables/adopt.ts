import type { Fragment } from '../fragment.ts';
import { compareText } from '../topology.ts';
import type { Table } from './chains.ts';
import { chainKey, chainKind, isBuiltin, ruleKey } from './chains.ts';
import { canonicalRule } from './rule.ts';
import type { SavedTable } from './save.ts';

/** What is believed to be in the kernel, as objects: key to text. See chains.ts for the keys. */
export type Ledger = Map<string, string>;

/** The text of a chain that cannot be repaired rule by rule. No compiled text equals it. */
export const DRIFT = '\0drift';

/**
 * Reads our part of a node's rules into a ledger. Chains that are not ours are left out, and so are other
 * people's rules in chains that we only visit. A shared chain with a rule that does not parse, a rule that stands
 * there twice, or closing rules that are not at its end, is DRIFT.
 */
export function adopt(saved: Iterable<SavedTable>): Ledger {
  const ledger: Ledger = new Map();
  for (const { table, chains } of saved) {
    for (const [chain, { rules }] of chains) {
      switch (chainKind(table, chain)) {
        case 'own':
          ledger.set(chainKey(table as Table, chain), rules.join('\n'));
          break;
        case 'shared':
          adoptShared(ledger, table as Table, chain, rules);
          break;
        case 'guest':
          adoptGuest(ledger, table as Table, chain, rules);
          break;
        case undefined:
          break;
      }
    }
  }
  return ledger;
}

/**
 * What the ledger has in place of this fragment: the objects of the same keys as they are there, and the chains that
 * they lead to.
 */
export function programmedFragment(fragment: Fragment, ledger: Ledger): Fragment {
  const found = new Map<string, string>();
  const collect = (key: string): void => {
    const text = ledger.get(key);
    if (text === undefined || text === DRIFT || found.has(key)) return;
    found.set(key, text);
    for (const [, chain = ''] of `${key}\n${text}`.matchAll(/-j (KUBE-[A-Z]+-[A-Z2-7]{16})\b/g)) {
      collect(chainKey('nat', chain));
    }
  };
  for (const { key } of fragment) collect(key);
  return [...found].map(([key, text]) => ({ key, text }));
}

/** Rules that stay behind all others: closing rules say so themselves. */
export function isClosingRule(rule: string): boolean {
  return rule.includes('this must be the last rule in this chain');
}

function adoptShared(ledger: Ledger, table: Table, chain: string, rules: readonly string[]): void {
  const key = chainKey(table, chain);
  const canonical = rules.map(canonicalRule);
  const closing = canonical.filter((rule) => rule !== undefined && isClosingRule(rule));
  const others = canonical.slice(0, canonical.length - closing.length);
  const intact = others.every((rule) => rule !== undefined && !isClosingRule(rule));
  if (!intact || new Set(canonical).size < canonical.length) {
    ledger.set(key, DRIFT);
    return;
  }
  ledger.set(key, closing.sort((a, b) => compareText(a ?? '', b ?? '')).join('\n'));
  for (const rule of others) if (rule !== undefined) ledger.set(ruleKey(table, chain, rule), '');
}

function adoptGuest(ledger: Ledger, table: Table, chain: string, rules: readonly string[]): void {
  const builtin = isBuiltin(table, chain);
  if (!builtin) ledger.set(chainKey(table, chain), '');
  for (const text of rules) {
    if (builtin && !text.includes('KUBE-')) continue;
    const rule = canonicalRule(text);
    if (rule !== undefined) ledger.set(ruleKey(table, chain, rule), '');
  }
}
