import type { Ruleset } from '../fragment.ts';
import type { Ledger } from './adopt.ts';
import { DRIFT } from './adopt.ts';
import type { Table } from './chains.ts';
import { OWN_CHAINS, SHARED_CHAIN, settleChain, TABLES } from './chains.ts';
import { filledSetsAfter } from './filled.ts';
import { splitKey, splitWord } from './objects.ts';
import type { TablesSection } from './payload.ts';

/**
 * Plans the iptables rules in two steps: what is added comes early, what goes comes late, so that no rule is missing
 * as long as anything relies on it. There are a dozen chains: all are looked at each time.
 */
export function planChains(
  ruleset: Ruleset,
  ledger: Ledger,
  keys: ReadonlySet<string>,
  early: TablesSection,
  late: TablesSection,
): void {
  const shared = `chain ${SHARED_CHAIN.table} ${SHARED_CHAIN.chain}`;
  const isBroken = ledger.get(shared) === DRIFT && ruleset.text(shared) !== undefined;
  if (isBroken) rewriteShared(ruleset, shared, early);
  const chains = TABLES.flatMap((table) => OWN_CHAINS[table].map((chain) => `chain ${table} ${chain}`));
  const filled = filledSetsAfter(
    ruleset,
    ledger,
    keys,
    chains.filter((key) => ruleset.text(key) !== undefined),
  );
  const isFilled = (set: string): boolean => filled.has(set);
  for (const table of TABLES) {
    for (const chain of OWN_CHAINS[table]) {
      const key = `chain ${table} ${chain}`;
      const text = ruleset.text(key);
      if (text === undefined || (key === shared && isBroken)) continue;
      const before = ledger.get(key);
      const desired = settleChain(text, isFilled);
      const wanted = desired.join('\n');
      if (before === wanted) continue;
      const all = settleChain(text, () => true);
      const between = merge(linesOf(before), desired, all);
      if (!between) {
        // Rules of another mode, or of somebody: they work until what takes their place does.
        for (const rule of desired) early.table(table).append(chain, rule);
        early.table(table).record(key, [...linesOf(before), ...desired].join('\n'));
        write(late, table, chain, key, desired);
        continue;
      }
      if (between.join('\n') !== before) write(early, table, chain, key, between);
      if (between.join('\n') !== wanted) write(late, table, chain, key, desired);
    }
  }
  for (const key of keys) {
    if (!key.startsWith('rule ')) continue;
    const { rest } = splitKey(key);
    const [table, where] = splitWord(rest) as [Table, string];
    const [chain, rule] = splitWord(where);
    if (isBroken && `chain ${table} ${chain}` === shared) continue;
    const desired = ruleset.text(key);
    if (desired === ledger.get(key)) continue;
    const section = (desired === undefined ? late : early).table(table);
    if (desired === undefined) section.deleteRule(chain, rule);
    else section.insert(chain, rule);
    section.record(key, desired);
  }
}

/**
 * The chain with both what it has and what it should have, in the order of all rules that it may have.
 * @returns undefined where it holds something else, or has them in another order
 */
function merge(
  before: readonly string[],
  desired: readonly string[],
  all: readonly string[],
): readonly string[] | undefined {
  const present = new Set([...before, ...desired]);
  const inOrder = all.filter((line) => present.has(line));
  const beforeInOrder = inOrder.filter((line) => before.includes(line));
  return before.every((line, i) => beforeInOrder[i] === line) ? inOrder : undefined;
}

function write(
  section: TablesSection,
  table: Table,
  chain: string,
  key: string,
  rules: readonly string[],
): void {
  const builder = section.table(table);
  builder.writeChain(chain, rules);
  builder.record(key, rules.join('\n'));
}

function rewriteShared(ruleset: Ruleset, shared: string, early: TablesSection): void {
  const { table, chain } = SHARED_CHAIN;
  const prefix = `rule ${table} ${chain} `;
  const builder = early.table(table);
  const rules: string[] = [];
  for (const key of ruleset.keys()) {
    if (!key.startsWith(prefix)) continue;
    rules.push(key.slice(prefix.length));
    builder.record(key, '');
  }
  builder.writeChain(chain, rules);
  builder.record(shared, '');
}

function linesOf(text: string | undefined): string[] {
  return text === undefined || text === '' ? [] : text.split('\n');
}
