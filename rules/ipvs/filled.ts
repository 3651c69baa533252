import type { Ruleset } from '../fragment.ts';
import type { Ledger } from './adopt.ts';
import { conditionOf, settleChain } from './chains.ts';
import { splitWord } from './objects.ts';

const ENTRY = 'entry ';

/** The sets that have entries in the ruleset: only for them are there rules. Looks at everything. */
export function filledSets(ruleset: Ruleset): ReadonlySet<string> {
  const found = new Set<string>();
  for (const key of ruleset.keys()) if (key.startsWith(ENTRY)) found.add(setOf(key));
  return found;
}

/**
 * The same after these objects have changed, without looking at all others: a set that none of them is about is as it
 * was, which the rules in the ledger tell.
 */
export function filledSetsAfter(
  ruleset: Ruleset,
  ledger: Ledger,
  keys: ReadonlySet<string>,
  chains: readonly string[],
): ReadonlySet<string> {
  // Where the rules themselves change, they tell nothing.
  if (chains.some((key) => keys.has(key) || !ledger.has(key))) return filledSets(ruleset);
  const filled = new Set<string>();
  for (const key of chains) {
    const present = new Set(ledger.get(key)?.split('\n'));
    for (const line of ruleset.text(key)?.split('\n') ?? []) {
      const set = conditionOf(line);
      if (set !== undefined && settleChain(line, () => true).every((rule) => present.has(rule)))
        filled.add(set);
    }
  }
  const doubtful = new Set<string>();
  for (const key of keys) {
    if (!key.startsWith(ENTRY)) continue;
    if (ruleset.text(key) === undefined) doubtful.add(setOf(key));
    else filled.add(setOf(key));
  }
  for (const set of doubtful) if (!hasEntry(ruleset, set)) filled.delete(set);
  return filled;
}

/** Soon found in a set that has many, as they are spread over all ServicePorts. */
function hasEntry(ruleset: Ruleset, set: string): boolean {
  const prefix = `${ENTRY}${set} `;
  for (const key of ruleset.keys()) if (key.startsWith(prefix)) return true;
  return false;
}

function setOf(key: string): string {
  return splitWord(key.slice(ENTRY.length))[0];
}
