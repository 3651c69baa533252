import { ENDPOINT_CHAIN_PREFIX } from '../names.ts';

/**
 * Whose chain it is decides what a plan may do with it.
 * - own: Fairlead's alone; its rules are ordered, and it is rewritten whole.
 * - shared: Fairlead's, with one rule or more from each ServicePort in any order, before its closing rules.
 * - guest: somebody else's, where Fairlead only sees to it that its own rules are there. Never flushed.
 */
export type ChainKind = 'own' | 'shared' | 'guest';

export const TABLES = ['mangle', 'filter', 'nat'] as const;
export type Table = (typeof TABLES)[number];

/** The kernel's own chains that get jumps to ours, in the order in which iptables-save prints them. */
export const BUILTIN_CHAINS: Readonly<Record<Table, readonly string[]>> = {
  mangle: [],
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
  nat: ['PREROUTING', 'OUTPUT', 'POSTROUTING'],
};

const SHARED = new Set([
  'filter:KUBE-SERVICES',
  'filter:KUBE-EXTERNAL-SERVICES',
  'filter:KUBE-NODEPORTS',
  'filter:KUBE-PROXY-FIREWALL',
  'nat:KUBE-SERVICES',
  'nat:KUBE-NODEPORTS',
]);

const OWN = new Set([
  'mangle:KUBE-PROXY-CANARY',
  'filter:KUBE-PROXY-CANARY',
  'nat:KUBE-PROXY-CANARY',
  'filter:KUBE-FORWARD',
  'nat:KUBE-MARK-MASQ',
  'nat:KUBE-POSTROUTING',
]);

/**
 * Chains named by a hash, which belong to one ServicePort each; those that may jump to others come first.
 * KUBE-XLB- is what kube-proxy before 1.24 called its chains of the Local policy.
 */
const HASHED_PREFIXES = [
  'KUBE-FW-',
  'KUBE-XLB-',
  'KUBE-EXT-',
  'KUBE-SVC-',
  'KUBE-SVL-',
  ENDPOINT_CHAIN_PREFIX,
] as const;

/** KUBE-FIREWALL belongs to the kubelet as well. undefined: a chain that is none of our business. */
export function chainKind(table: string, chain: string): ChainKind | undefined {
  const id = `${table}:${chain}`;
  if (SHARED.has(id)) return 'shared';
  if (OWN.has(id)) return 'own';
  if (id === 'filter:KUBE-FIREWALL' || isBuiltin(table, chain)) return 'guest';
  return table === 'nat' && isHashedChain(chain) ? 'own' : undefined;
}

export function isBuiltin(table: string, chain: string): boolean {
  return (BUILTIN_CHAINS as Record<string, readonly string[]>)[table]?.includes(chain) ?? false;
}

/** A chain of one ServicePort or endpoint, or what is left of one. */
export function isHashedChain(chain: string): boolean {
  return chainRank(chain) < HASHED_PREFIXES.length;
}

/** Deleting chains in ascending rank never leaves a jump to a missing one. */
export function chainRank(chain: string): number {
  const rank = HASHED_PREFIXES.findIndex((prefix) => chain.startsWith(prefix));
  return rank < 0 ? HASHED_PREFIXES.length : rank;
}

/** KUBE-SVC, -SVL and -SEP chains: their comments come and go with the size of the cluster. */
export function hasOptionalComments(chain: string): boolean {
  return /^KUBE-(SVC|SVL|SEP)-/.test(chain);
}

/** The key of a chain object; its text is its rules (of a shared chain: its closing rules), one a line. */
export function chainKey(table: Table, chain: string): string {
  return `${table}:${chain}`;
}

/** The key of a single rule in a shared or guest chain; such objects have no text. */
export function ruleKey(table: Table, chain: string, rule: string): string {
  return `${table}:${chain}:${rule}`;
}

export interface ParsedKey {
  readonly table: Table;
  readonly chain: string;
  /** undefined for a chain object. */
  readonly rule: string | undefined;
}

export function parseKey(key: string): ParsedKey {
  const first = key.indexOf(':');
  const second = key.indexOf(':', first + 1);
  return {
    table: key.slice(0, first) as Table,
    chain: second < 0 ? key.slice(first + 1) : key.slice(first + 1, second),
    rule: second < 0 ? undefined : key.slice(second + 1),
  };
}

/** How many rules an object is. Makes nothing: whoever scrapes metrics asks for all objects, again and again. */
export function ruleCount(key: string, text: string): number {
  if (key.includes(':', key.indexOf(':') + 1)) return 1;
  if (text === '') return 0;
  let count = 1;
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', end + 1)) count++;
  return count;
}
