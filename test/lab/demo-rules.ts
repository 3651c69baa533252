import type { Address } from '../../rules/model.ts';
import { readNftablesRules, traceNftables } from '../../rules/trace/nftables.ts';

const SERVICE_CHAIN = /-j (KUBE-(?:EXT|FW|SVL|SVC|SEP)-\w+)/;

/**
 * Of what iptables-save printed, the rules that a packet to one Service meets, in the order of its way: where it is
 * recognised, then chain after chain. Without comments, so that they fit on a line.
 *
 * @param name as comments have it: `default/hostnames:http`.
 */
export function rulesOfService(dump: string, name: string): readonly string[] {
  const rules = dump.split('\n').filter((line) => line.startsWith('-A KUBE-'));
  const met = rules.filter((rule) => isDispatch(rule) && rule.includes(`"${name}`)).sort(byDispatch);
  const chains = new Set<string>();
  // Grows while it is walked: each rule may lead to one more chain.
  for (const rule of met) {
    const chain = SERVICE_CHAIN.exec(rule)?.[1];
    if (chain === undefined || chains.has(chain)) continue;
    chains.add(chain);
    met.push(...rules.filter((candidate) => candidate.startsWith(`-A ${chain} `)));
  }
  return met.map((rule) => rule.replace(/ -m comment --comment (?:"[^"]*"|\S+)/, ''));
}

/** Of a table that nft printed, the rules that a Pod's packet meets and that lead it on, below their chains' names. */
export function stepsOfTable(
  table: string,
  source: string,
  destination: string,
  port: number,
): readonly string[] {
  const [from, to] = [source, destination] as Address[];
  if (from === undefined || to === undefined) return [];
  const packet = {
    source: from,
    sourcePort: 40_000,
    destination: to,
    port,
    protocol: 'tcp',
    from: 'cni0',
  } as const;
  const lines = new Set<string>();
  for (const { steps } of traceNftables(readNftablesRules(table), packet, { localAddresses: [] })) {
    for (const { hook, chain, rule } of steps) {
      if (hook !== 'PREROUTING') continue;
      lines.add(`${chain}:`);
      lines.add(`   ${rule}`);
    }
  }
  return [...lines];
}

function isDispatch(rule: string): boolean {
  return /^-A KUBE-(SERVICES|NODEPORTS) .*-j KUBE-(SVC|SVL|EXT)-/.test(rule);
}

/** Cluster IPs before node ports. */
function byDispatch(a: string, b: string): number {
  return Number(a.startsWith('-A KUBE-NODEPORTS')) - Number(b.startsWith('-A KUBE-NODEPORTS'));
}
