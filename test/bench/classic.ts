/** Chains that kube-proxy's partial syncs write every time, whatever has changed. */
const ALWAYS_WRITTEN = new Set([
  'KUBE-SERVICES',
  'KUBE-EXTERNAL-SERVICES',
  'KUBE-FORWARD',
  'KUBE-NODEPORTS',
  'KUBE-PROXY-FIREWALL',
  'KUBE-POSTROUTING',
  'KUBE-MARK-MASQ',
]);

/**
 * The payload of a proxy that writes KUBE-SERVICES and the chains of what has changed.
 * @param save all rules, as iptables-save prints them
 * @param changed the chain of a ServicePort; those that it leads to are written too
 */
export function partialRewrite(save: string, changed: string): string {
  const targets = new Set([changed]);
  for (const [, target = ''] of save.matchAll(new RegExp(`^-A ${changed} .*-j (KUBE-SEP-\\S+)$`, 'gm'))) {
    targets.add(target);
  }
  const isWritten = (chain: string) => ALWAYS_WRITTEN.has(chain) || targets.has(chain);
  const lines = save.split('\n').filter((line) => {
    const chain = /^(?::|-A )(\S+)/.exec(line)?.[1];
    return chain === undefined || isWritten(chain);
  });
  return lines.join('\n');
}

/**
 * All rules as a proxy writes them: each ServicePort's chains together, the endpoints' after its own. iptables-save
 * sorts chains by name, which saves iptables-nft-restore four fifths of its time.
 */
export function inProxyOrder(save: string): string {
  return save
    .split(/^(?=\*)/m)
    .map((table) => {
      const lines = table.split('\n');
      const rank = rankChains(lines);
      const isChain = (line: string) => line.startsWith(':');
      const isRule = (line: string) => line.startsWith('-A ');
      const sorted = (kept: (line: string) => boolean) =>
        lines.filter(kept).toSorted((a, b) => rank(a) - rank(b));
      const [head = '', ...tail] = lines.filter((line) => !isChain(line) && !isRule(line));
      return [head, ...sorted(isChain), ...sorted(isRule), ...tail].join('\n');
    })
    .join('');
}

/** What a proxy writes that does not know what has changed: everything but the jumps from the kernel's own chains. */
export function singlePayload(save: string): string {
  return save
    .split('\n')
    .filter((line) => !/^(?::|-A )(?!KUBE-)/.test(line))
    .join('\n');
}

/** The place of the chain that a line declares or adds to, in the order in which chains are led to. */
function rankChains(lines: readonly string[]): (line: string) => number {
  const targets = new Map<string, string[]>();
  for (const line of lines) {
    const [, chain, target] = /^-A (\S+) .*-j (KUBE-(?:SVC|SVL|EXT|FW|SEP)-\S+)$/.exec(line) ?? [];
    if (chain === undefined || target === undefined) continue;
    const found = targets.get(chain);
    if (found) found.push(target);
    else targets.set(chain, [target]);
  }
  const ranks = new Map<string, number>();
  const visit = (chain: string): void => {
    if (ranks.has(chain)) return;
    ranks.set(chain, ranks.size);
    for (const target of targets.get(chain) ?? []) visit(target);
  };
  // Dispatching chains and others first, and only then what they lead to.
  const declared = lines.flatMap((line) => /^:(\S+)/.exec(line)?.[1] ?? []);
  const shared = declared.filter((chain) => !/^KUBE-(?:SVC|SVL|EXT|FW|SEP)-/.test(chain));
  for (const chain of shared) ranks.set(chain, ranks.size);
  for (const chain of shared) for (const target of targets.get(chain) ?? []) visit(target);
  for (const chain of declared) visit(chain);
  return (line) => ranks.get(/^(?::|-A )(\S+)/.exec(line)?.[1] ?? '') ?? 0;
}
