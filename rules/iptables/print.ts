import type { Ruleset } from '../fragment.ts';
import { compareText } from '../topology.ts';
import { BUILTIN_CHAINS, parseKey, TABLES } from './chains.ts';
import type { SavedChain } from './save.ts';
import { printSave } from './save.ts';

/** The rules as iptables-save would print them on a node that has nothing else. */
export function printRuleset(ruleset: Ruleset): string {
  const tables = TABLES.map((table) => {
    const names = [...BUILTIN_CHAINS[table]];
    return { table, names, chains: new Map<string, SavedChain & { closing: string[] }>() };
  });
  const byName = new Map(tables.map((entry) => [entry.table, entry]));
  for (const key of ruleset.keys()) {
    const { table, chain, rule } = parseKey(key);
    const entry = byName.get(table);
    if (!entry) continue;
    const known = entry.chains.get(chain) ?? { policy: '-', rules: [], closing: [] };
    entry.chains.set(chain, known);
    const text = ruleset.text(key) ?? '';
    if (rule !== undefined) known.rules.push(rule);
    else if (text !== '') known.closing.push(...text.split('\n'));
  }
  return printSave(
    tables.map(({ table, names, chains }) => {
      const own = [...chains.keys()].filter((name) => !names.includes(name)).sort(compareText);
      return {
        table,
        chains: new Map(
          [...names, ...own].map((name) => {
            const { rules = [], closing = [] } = chains.get(name) ?? {};
            return [name, { policy: names.includes(name) ? 'ACCEPT' : '-', rules: [...rules, ...closing] }];
          }),
        ),
      };
    }),
  );
}
