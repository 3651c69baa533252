import type { Dump } from './dump.ts';

/** Chains that kube-proxy fills in the order of a Go map, which is none. */
const UNORDERED = new Set([
  'KUBE-SERVICES',
  'KUBE-NODEPORTS',
  'KUBE-EXTERNAL-SERVICES',
  'KUBE-PROXY-FIREWALL',
]);
const UNORDERED_IN_IPVS_MODE = new Set(['KUBE-IPVS-OUT-FILTER']);
const CLOSING = 'this must be the last rule in this chain';

/**
 * Reads iptables-save's output, chain by chain. Counters do not count, nor does the order of tables and chains; that
 * of rules does, but for the chains without order, in which closing rules are an entry for themselves.
 */
export function readIptablesSave(text: string): Dump {
  const dump = new Map<string, string[]>();
  const ipvs = /KUBE-CLUSTER-IP|KUBE-IPVS-FILTER/.test(text);
  let table = '';
  for (const line of text.split('\n').map((raw) => raw.trim().replace(/^\[\d+:\d+\] /, ''))) {
    if (line.startsWith('*')) {
      table = line.slice(1);
    } else if (line.startsWith(':')) {
      const [chain = '', policy = ''] = line.slice(1).split(' ');
      linesOf(dump, `${table} ${chain}`).unshift(`policy ${policy}`);
    } else if (line.startsWith('-A ')) {
      const [, chain = '', rule = ''] = /^-A (\S+) ?(.*)$/.exec(line.replace(/ -c \d+ \d+/, '')) ?? [];
      linesOf(dump, `${table} ${chain}`).push(rule);
    }
  }
  for (const [name, lines] of [...dump]) {
    const chain = name.slice(name.indexOf(' ') + 1);
    if (ipvs ? UNORDERED_IN_IPVS_MODE.has(chain) : UNORDERED.has(chain)) split(dump, name, lines);
  }
  return dump;
}

/** Closing rules that are followed by others close nothing: they stay where they are, to be found. */
function split(dump: Map<string, string[]>, name: string, lines: readonly string[]): void {
  const last = lines.findLastIndex((line) => !line.includes(CLOSING));
  dump.set(name, lines.slice(0, last + 1).sort());
  dump.set(`${name} (closing rules)`, lines.slice(last + 1).sort());
}

function linesOf(dump: Map<string, string[]>, name: string): string[] {
  const lines = dump.get(name) ?? [];
  dump.set(name, lines);
  return lines;
}
