import { chainRank, isHashedChain } from './chains.ts';
import { parseRule } from './rule.ts';
import type { SavedTable } from './save.ts';

/** The chains of each mode that programs iptables rules, but for those named by a hash. */
const CHAINS: Readonly<Record<CleanupMode, Readonly<Record<string, readonly string[]>>>> = {
  iptables: {
    mangle: ['KUBE-PROXY-CANARY'],
    filter: [
      'KUBE-PROXY-CANARY',
      'KUBE-SERVICES',
      'KUBE-EXTERNAL-SERVICES',
      'KUBE-NODEPORTS',
      'KUBE-PROXY-FIREWALL',
      'KUBE-FORWARD',
    ],
    nat: ['KUBE-PROXY-CANARY', 'KUBE-SERVICES', 'KUBE-NODEPORTS', 'KUBE-POSTROUTING', 'KUBE-MARK-MASQ'],
  },
  ipvs: {
    filter: [
      'KUBE-FORWARD',
      'KUBE-NODE-PORT',
      'KUBE-PROXY-FIREWALL',
      'KUBE-SOURCE-RANGES-FIREWALL',
      'KUBE-IPVS-FILTER',
      'KUBE-IPVS-OUT-FILTER',
    ],
    nat: ['KUBE-SERVICES', 'KUBE-NODE-PORT', 'KUBE-LOAD-BALANCER', 'KUBE-POSTROUTING', 'KUBE-MARK-MASQ'],
  },
};

export type CleanupMode = 'iptables' | 'ipvs';

/** Chains deleted in one COMMIT: see NFT_BATCH in plan.ts. */
const BATCH = 1000;

/**
 * The payloads, one COMMIT each, that remove what these modes have programmed, and leave `keep`'s chains alone.
 * KUBE-FIREWALL with its jumps is the kubelet's as well, and stays; so does everything that is not ours.
 */
export function planCleanup(
  saved: Iterable<SavedTable>,
  modes: readonly CleanupMode[],
  keep?: CleanupMode,
): readonly string[] {
  const payloads: string[] = [];
  for (const { table, chains } of saved) {
    const kept = new Set(keep === undefined ? [] : CHAINS[keep][table]);
    const statics = new Set(
      modes.flatMap((mode) => CHAINS[mode][table] ?? []).filter((name) => !kept.has(name)),
    );
    const hashed = modes.includes('iptables') && table === 'nat' && keep !== 'iptables';
    const ours = [...chains.keys()].filter((name) => statics.has(name) || (hashed && isHashedChain(name)));
    const gone = new Set(ours);
    const jumps = jumpsTo(gone, chains);
    const fixed = ours.filter((name) => statics.has(name));
    const rest = ours.filter((name) => !statics.has(name)).sort((a, b) => chainRank(a) - chainRank(b));
    // Nothing leads to a chain any more once the jumps are gone and the static chains are empty.
    if (jumps.length + fixed.length > 0) payloads.push(section(table, fixed.map(declare), jumps));
    for (let i = 0; i < rest.length; i += BATCH) {
      const part = rest.slice(i, i + BATCH);
      payloads.push(section(table, part.map(declare), part.map(drop)));
    }
    if (fixed.length > 0) payloads.push(section(table, fixed.map(declare), fixed.map(drop)));
  }
  return payloads;
}

/** Deletions of the rules outside these chains that jump into them. */
function jumpsTo(gone: ReadonlySet<string>, chains: SavedTable['chains']): string[] {
  const found: string[] = [];
  for (const [name, { rules }] of chains) {
    if (gone.has(name)) continue;
    for (const rule of rules) {
      const target = rule.includes('KUBE-') ? parseRule(rule)?.target?.name : undefined;
      if (target !== undefined && gone.has(target)) found.push(`-D ${name} ${rule}`);
    }
  }
  return found;
}

function section(table: string, ...lines: readonly (readonly string[])[]): string {
  return [`*${table}`, ...lines.flat(), 'COMMIT', ''].join('\n');
}

function declare(chain: string): string {
  return `:${chain} - [0:0]`;
}

function drop(chain: string): string {
  return `-X ${chain}`;
}
