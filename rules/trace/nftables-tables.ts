import { adoptTable } from '../nftables/adopt.ts';
import { chainBody } from '../nftables/equality.ts';
import { linesOf, parseKey } from '../nftables/objects.ts';
import type { Hook } from './trace.ts';

/** Tables of nftables, as far as packets of IPv4 and IPv6 meet them. */
export interface NftablesRules {
  readonly tables: readonly NftablesTable[];
}

export interface NftablesTable {
  readonly family: 'ip' | 'ip6' | 'inet';
  readonly name: string;
  readonly baseChains: readonly BaseChain[];
  /** Their rules as nft prints them, a line for each. */
  readonly chains: ReadonlyMap<string, string>;
  readonly sets: ReadonlyMap<string, NftablesSet>;
}

/** A chain that the kernel itself calls. */
export interface BaseChain {
  readonly name: string;
  readonly type: 'filter' | 'nat';
  readonly hook: Hook;
  /** Lower comes earlier. */
  readonly priority: number;
  /** Of the chain's first line, as nft prints it. */
  readonly policy: 'accept' | 'drop';
}

/** A set or a map. */
export interface NftablesSet {
  /** By key; what it maps to, empty in a set. Without elements that time out: nobody knows them beforehand. */
  readonly elements: ReadonlyMap<string, string>;
  /** Elements may be networks and ranges. */
  readonly hasIntervals: boolean;
  /** How long an element stays; 0: for ever. */
  readonly timeoutSeconds: number;
}

/**
 * Reads what `nft list table` or `nft list ruleset` prints, `-s` or not. Tables of other families (bridge, netdev,
 * arp), dormant ones, and what is in none are left out.
 */
export function readNftablesRules(text: string): NftablesRules {
  const tables = text.split(/^(?=table )/m).flatMap((part) => {
    const [, family, name] = /^table (ip|ip6|inet) (\S+) \{/.exec(part) ?? [];
    if (name === undefined || /^\s*flags [^\n]*\bdormant\b/m.test(part)) return [];
    return [{ family: family as NftablesTable['family'], name, ...contents(part) }];
  });
  return { tables };
}

function contents(text: string): Pick<NftablesTable, 'baseChains' | 'chains' | 'sets'> {
  const baseChains: BaseChain[] = [];
  const chains = new Map<string, string>();
  const sets = new Map<string, NftablesSet & { readonly elements: Map<string, string> }>();
  for (const [key, body] of adoptTable(text)) {
    const { kind, name, element } = parseKey(key);
    if (element !== undefined) {
      // What an element counts and how long it stays follows its key.
      sets.get(name)?.elements.set(element.replace(/ (?:counter|timeout|expires) .*$/, ''), mappedTo(body));
    } else if (kind === 'chain') {
      const { hook, rules } = chainBody(body);
      chains.set(name, rules.join('\n'));
      const base = hook === undefined ? undefined : baseChain(name, hook);
      if (base) baseChains.push(base);
    } else {
      const lines = linesOf(body);
      sets.set(name, {
        elements: new Map(),
        hasIntervals: lines.some((line) => /^flags .*\binterval\b/.test(line)),
        timeoutSeconds: seconds(lines.find((line) => line.startsWith('timeout '))?.slice(8) ?? ''),
      });
    }
  }
  return { baseChains, chains, sets };
}

function mappedTo(body: string): string {
  return body.replace(/^comment "[^"]*" ?/, '').replace(/^: /, '');
}

/** @returns undefined for hooks that packets of this kind do not meet */
function baseChain(name: string, line: string): BaseChain | undefined {
  const [, type, hook = '', priority = '', policy] =
    /^type (\w+) hook (\w+) (?:device \S+ )?priority ([^;]+);(?: policy (\w+);)?/.exec(line) ?? [];
  const known = HOOKS[hook];
  if (known === undefined) return undefined;
  return {
    name,
    type: type === 'nat' ? 'nat' : 'filter',
    hook: known,
    priority: priorityNumber(priority),
    policy: policy === 'drop' ? 'drop' : 'accept',
  };
}

const HOOKS: Readonly<Record<string, Hook>> = {
  prerouting: 'PREROUTING',
  input: 'INPUT',
  forward: 'FORWARD',
  output: 'OUTPUT',
  postrouting: 'POSTROUTING',
};

/** nft(8), "Standard priority names". */
const PRIORITIES: Readonly<Record<string, number>> = {
  raw: -300,
  mangle: -150,
  dstnat: -100,
  filter: 0,
  security: 50,
  srcnat: 100,
};

/** `dstnat - 10`, `filter`, `-110`. */
function priorityNumber(text: string): number {
  const [base = '', sign, offset] = text.split(' ');
  const start = PRIORITIES[base] ?? Number(base);
  return sign === undefined ? start : start + Number(`${sign}${offset}`);
}

/** `1d2h3m4s`; milliseconds do not count. */
function seconds(text: string): number {
  const units: Readonly<Record<string, number>> = { d: 86_400, h: 3_600, m: 60, s: 1 };
  return [...text.matchAll(/(\d+)([dhms])(?!s)/g)].reduce(
    (sum, [, count, unit = '']) => sum + Number(count) * (units[unit] ?? 0),
    0,
  );
}
