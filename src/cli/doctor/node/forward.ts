import { cidrContains, hostCidr, parseCidr } from '../../../../rules/address.ts';
import type { SavedTable } from '../../../../rules/iptables/save.ts';
import type { Address, Cidr, Family } from '../../../../rules/model.ts';
import { failed, ok, type Result, warning } from '../check.ts';

/** What decides whether a Pod's packet is forwarded. */
export interface ForwardRules {
  readonly family: Family;
  /** `iptables-nft`, for messages. */
  readonly tool: string;
  readonly tables: readonly SavedTable[];
}

/** Where the traffic of Pods goes to and comes from. */
export interface PodTraffic {
  readonly networks: readonly Cidr[];
  readonly interfaces: readonly string[];
}

/** Whether FORWARD lets new connections of Pods through, which no rule of a proxy accepts unless they are masqueraded. */
export function forwards(all: readonly ForwardRules[], pods: PodTraffic): Result {
  const closed: string[] = [];
  for (const { family, tool, tables } of all) {
    const filter = tables.find(({ table }) => table === 'filter');
    const forward = filter?.chains.get('FORWARD');
    if (!filter || !forward) continue;
    const name = tool + (family === 'ipv6' ? ' (IPv6)' : '');
    const verdict = walk(filter, 'FORWARD', { family, ...pods }, new Set());
    if (verdict.kind === 'accept') {
      if (forward.policy === 'DROP')
        closed.push(`${name}: policy DROP, but "${verdict.rule}" lets Pods through`);
      continue;
    }
    if (verdict.kind === 'drop') {
      return failed(
        `${name}: "-A ${verdict.chain} ${verdict.rule}" ends what Pods send to each other and to Services`,
        `accept the Pods' networks before it: ${accept(tool, pods)}`,
      );
    }
    if (forward.policy !== 'DROP') continue;
    const evidence = `${name}: the policy of FORWARD is DROP, and no rule accepts what Pods send`;
    const advice = `${tool} -P FORWARD ACCEPT; or, beside a firewall: ${accept(tool, pods)}`;
    // Without their networks it cannot be told whether some rule is for Pods.
    return pods.networks.length > 0 || !verdict.undecided
      ? failed(evidence, advice)
      : warning(evidence, advice);
  }
  return ok(closed.join('; ') || 'policy ACCEPT');
}

/** @param chains of other programs, `inet filter forward`, whose policy is drop */
export function closedElsewhere(chains: readonly string[]): Result | undefined {
  const [first] = chains;
  if (first === undefined) return undefined;
  return warning(
    `the nftables chain ${first} drops what none of its rules accepts; what a proxy accepts elsewhere does not count there`,
    `nft list chain ${first}: it must accept the Pods' networks, and "ct status dnat"`,
  );
}

function accept(tool: string, { networks }: PodTraffic): string {
  const network = networks.find((cidr) => cidr.includes(':') === tool.startsWith('ip6')) ?? 'POD-NETWORK';
  return `${tool} -I FORWARD -s ${network} -j ACCEPT && ${tool} -I FORWARD -d ${network} -j ACCEPT`;
}

type Verdict =
  | { readonly kind: 'accept'; readonly rule: string }
  | { readonly kind: 'drop'; readonly chain: string; readonly rule: string }
  /** `undecided`: some rule accepts something that may be Pods' traffic. */
  | { readonly kind: 'none'; readonly undecided: boolean };

interface Scope extends PodTraffic {
  readonly family: Family;
}

/** Goes along a chain and those that it jumps to, for the first packet of a connection between two Pods. */
function walk(filter: SavedTable, chain: string, scope: Scope, seen: Set<string>): Verdict {
  let undecided = false;
  if (seen.has(chain)) return { kind: 'none', undecided };
  seen.add(chain);
  for (const whole of filter.chains.get(chain)?.rules ?? []) {
    const rule = withoutComment(whole);
    const target = / -[jg] (\S+)/.exec(` ${rule}`)?.[1];
    if (target === undefined || isForOthers(rule)) continue;
    const match = matches(rule, scope);
    if (match === 'no') continue;
    if (target === 'ACCEPT') {
      if (match === 'yes') return { kind: 'accept', rule: whole };
      undecided = true;
    } else if (target === 'DROP' || target === 'REJECT') {
      if (match === 'yes' && isUnconditional(rule)) return { kind: 'drop', chain, rule: whole };
    } else if (target === 'RETURN') {
      if (isUnconditional(rule)) break;
    } else if (filter.chains.has(target)) {
      const inner = walk(filter, target, scope, seen);
      if (inner.kind === 'accept' || (inner.kind === 'drop' && isUnconditional(rule))) return inner;
      if (inner.kind === 'none') undecided ||= inner.undecided;
    }
  }
  return { kind: 'none', undecided };
}

/** Only for packets that are not the first of a connection between Pods. */
function isForOthers(rule: string): boolean {
  if (/(?<!! )--mark /.test(rule) || /--ctstatus /.test(rule)) return true;
  const states = /(! )?--(?:ctstate|state) (\S+)/.exec(rule);
  if (!states) return false;
  const hasNew = (states[2] ?? '').split(',').includes('NEW');
  return (states[1] === undefined) !== hasNew;
}

/** Whether the rule is about Pods' networks or interfaces, or about everything. */
function matches(rule: string, { networks, interfaces, family }: Scope): 'yes' | 'no' | 'perhaps' {
  const text = ` ${rule}`;
  const cidrs = [...text.matchAll(/ (! )?-[sd] (\S+)/g)];
  const links = [...text.matchAll(/ (! )?-[io] (\S+)/g)];
  const own = networks.filter((network) => network.includes(':') === (family === 'ipv6'));
  for (const [, not, value = ''] of cidrs) {
    if (not) return 'perhaps';
    const cidr = parseCidr(value) ?? hostCidr(value as Address);
    if (own.length === 0) return 'perhaps';
    if (!own.some((network) => overlaps(cidr, network))) return 'no';
  }
  for (const [, not, value = ''] of links) {
    if (not) continue;
    const isOwn = interfaces.some((name) =>
      value.endsWith('+') ? name.startsWith(value.slice(0, -1)) : name === value,
    );
    // Interfaces of Pods that hang on no bridge have many names.
    if (!isOwn) return interfaces.length > 0 || !/^(cali|veth|lxc|eni|gw|tap)/.test(value) ? 'no' : 'perhaps';
  }
  if (cidrs.length > 0 || links.length > 0) return 'yes';
  return isUnconditional(rule) ? 'yes' : 'perhaps';
}

function overlaps(a: Cidr, b: Cidr): boolean {
  const first = (cidr: Cidr) => cidr.slice(0, cidr.indexOf('/')) as Address;
  return cidrContains(a, first(b)) || cidrContains(b, first(a));
}

/** Nothing but states that a new connection has. */
function isUnconditional(rule: string): boolean {
  const rest = rule
    .replaceAll(/-m (?:conntrack --ctstate|state --state) \S+/g, '')
    .replace(/ ?-[jg] \S+/, '')
    .replace(/--reject-with \S+/, '');
  return rest.trim() === '';
}

/** Comments may hold words that look like parts of rules. */
function withoutComment(rule: string): string {
  return rule.replaceAll(/-m comment --comment (?:"(?:[^"\\]|\\.)*"|\S+) ?/g, '');
}
