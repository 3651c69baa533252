import { hostCidr } from '../address.ts';
import type { Ruleset } from '../fragment.ts';
import type { SavedChain } from '../iptables/save.ts';
import { printSave } from '../iptables/save.ts';
import type { Address } from '../model.ts';
import { compareText } from '../topology.ts';
import { BUILTIN_CHAINS, settleChain, TABLES } from './chains.ts';
import { filledSets } from './filled.ts';
import { serviceArguments, splitKey, splitWord } from './objects.ts';

/** All virtual and real servers as `ipvsadm -Sn` prints them, sorted. ipvsadm --restore takes them. */
export function printIpvsadm(rulesets: Iterable<Ruleset>): string {
  const lines: string[] = [];
  for (const { kind, rest, text } of objects(rulesets)) {
    if (kind !== 'virtual') continue;
    const [options = '', ...reals] = text.split('\n');
    const service = serviceArguments(rest);
    lines.push(`-A ${service} ${options}`, ...reals.map((real) => `-a ${service} ${real}`));
  }
  return sorted(lines);
}

/** All sets as `ipset save` prints them, sorted, with what the kernel chooses for a small set. */
export function printIpset(rulesets: Iterable<Ruleset>): string {
  const lines: string[] = [];
  for (const { kind, rest, text } of objects(rulesets)) {
    if (kind === 'set') {
      lines.push(
        `create ${rest} ${text.replace(/ maxelem (\d+)/, ' hashsize 1024 maxelem $1 bucketsize 12')}`,
      );
    }
    if (kind === 'entry') lines.push(`add ${rest}`);
  }
  return sorted(lines);
}

/** The addresses of kube-ipvs0 as `ADDRESS/LENGTH`, sorted. */
export function printAddresses(rulesets: Iterable<Ruleset>): string {
  const lines: string[] = [];
  for (const { kind, rest } of objects(rulesets)) {
    if (kind === 'address') lines.push(hostCidr(rest as Address));
  }
  return sorted(lines);
}

/** The iptables rules of one family as iptables-save prints them on a node that has nothing else. */
export function printIptables(ruleset: Ruleset): string {
  const filled = filledSets(ruleset);
  const tables = TABLES.map((table) => {
    const chains = new Map<string, SavedChain>();
    for (const name of BUILTIN_CHAINS[table]) chains.set(name, { policy: 'ACCEPT', rules: [] });
    return { table, chains };
  });
  const byName = new Map<string, Map<string, SavedChain>>(tables.map(({ table, chains }) => [table, chains]));
  for (const { kind, rest, text } of objects([ruleset])) {
    if (kind !== 'chain' && kind !== 'rule') continue;
    const [table, where] = splitWord(rest);
    const [chain, rule] = splitWord(where);
    const chains = byName.get(table);
    const known = chains?.get(chain) ?? { policy: '-', rules: [] };
    chains?.set(chain, known);
    known.rules.push(...(kind === 'rule' ? [rule] : settleChain(text, (set) => filled.has(set))));
  }
  return printSave(tables);
}

function* objects(rulesets: Iterable<Ruleset>) {
  for (const ruleset of rulesets) {
    for (const key of ruleset.keys()) yield { ...splitKey(key), text: ruleset.text(key) ?? '' };
  }
}

function sorted(lines: readonly string[]): string {
  return lines
    .toSorted(compareText)
    .map((line) => `${line}\n`)
    .join('');
}
