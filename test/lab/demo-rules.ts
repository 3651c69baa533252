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

function isDispatch(rule: string): boolean {
  return /^-A KUBE-(SERVICES|NODEPORTS) .*-j KUBE-(SVC|SVL|EXT)-/.test(rule);
}

/** Cluster IPs before node ports. */
function byDispatch(a: string, b: string): number {
  return Number(a.startsWith('-A KUBE-NODEPORTS')) - Number(b.startsWith('-A KUBE-NODEPORTS'));
}
