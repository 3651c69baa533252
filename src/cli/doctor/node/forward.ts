import { cidrContains, hostCidr, parseAddress, parseCidr, prefixLength } from '../../../../rules/address.ts';
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
    const verdict = new Walk(filter, { family, ...pods }).along('FORWARD');
    if (verdict.kind === 'accept') {
      if (forward.policy === 'DROP')
        closed.push(`${name}: policy DROP, but "${verdict.rule}" lets Pods through`);
      continue;
    }
    // Without their networks it cannot be told whether some rule is for Pods.
    const isSure = (pods.networks.length > 0 || !verdict.undecided) && !acceptsByMark(filter);
    if (verdict.kind === 'drop') {
      return (isSure ? failed : warning)(
        `${name}: "-A ${verdict.chain} ${verdict.rule}" ends what Pods send to each other and to Services`,
        `accept the Pods' networks before it: ${accept(tool, pods)}`,
      );
    }
    if (forward.policy !== 'DROP') continue;
    return (isSure ? failed : warning)(
      `${name}: the policy of FORWARD is DROP, and no rule accepts ${verdict.undecided ? 'all that' : 'what'} Pods send`,
      `${tool} -P FORWARD ACCEPT; or, beside a firewall: ${accept(tool, pods)}`,
    );
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

/** Network policies mark what they let through, Calico's for one: who is marked cannot be told from here. */
function acceptsByMark(filter: SavedTable): boolean {
  return [...filter.chains].some(
    ([chain, { rules }]) =>
      !chain.startsWith('KUBE-') &&
      rules.some((rule) => MARKED.test(withoutComment(rule)) && rule.endsWith('-j ACCEPT')),
  );
}

const MARKED = /(?<!! )--mark /;

function accept(tool: string, { networks }: PodTraffic): string {
  const network = networks.find((cidr) => cidr.includes(':') === tool.startsWith('ip6')) ?? 'POD-NETWORK';
  return `${tool} -I FORWARD -s ${network} -j ACCEPT && ${tool} -I FORWARD -d ${network} -j ACCEPT`;
}

/** What becomes of the first packets of connections between Pods. `undecided`: a rule before accepts some of them. */
type Verdict =
  | { readonly kind: 'accept'; readonly rule: string }
  | { readonly kind: 'drop'; readonly chain: string; readonly rule: string; readonly undecided: boolean }
  | { readonly kind: 'none'; readonly undecided: boolean };

interface Scope extends PodTraffic {
  readonly family: Family;
}

/** Whether a rule is about all of them, about none, or about some or who knows. */
type Match = 'yes' | 'no' | 'perhaps';

/** Goes along a chain and those that it jumps to, for the first packets of connections between Pods. */
class Walk {
  readonly #filter: SavedTable;
  readonly #scope: Scope;
  /** Of chains that were gone along, or are being. */
  readonly #verdicts = new Map<string, Verdict>();

  constructor(filter: SavedTable, scope: Scope) {
    this.#filter = filter;
    this.#scope = scope;
  }

  along(chain: string): Verdict {
    const known = this.#verdicts.get(chain);
    if (known) return known;
    // Chains in a circle end nowhere.
    this.#verdicts.set(chain, { kind: 'none', undecided: false });
    const verdict = this.#gone(chain);
    this.#verdicts.set(chain, verdict);
    return verdict;
  }

  #gone(chain: string): Verdict {
    let undecided = false;
    for (const whole of this.#filter.chains.get(chain)?.rules ?? []) {
      const rule = withoutComment(whole);
      const [, option, target] = / -([jg]) (\S+)/.exec(` ${rule}`) ?? [];
      if (target === undefined || isForOthers(rule, chain)) continue;
      const match = matches(rule, this.#scope);
      if (match === 'no') continue;
      const verdict = this.#at(target, { chain, rule: whole });
      if (verdict === undefined) continue;
      if (match === 'perhaps') {
        undecided ||= verdict !== 'return' && (verdict.kind === 'accept' || verdict.undecided);
        continue;
      }
      if (verdict === 'return') break;
      if (verdict.kind === 'accept') return verdict;
      undecided ||= verdict.undecided;
      if (verdict.kind === 'drop') return { ...verdict, undecided };
      if (option === 'g') break;
    }
    return { kind: 'none', undecided };
  }

  /** What becomes of packets that a rule is about; undefined: nothing. */
  #at(
    target: string,
    place: { readonly chain: string; readonly rule: string },
  ): Verdict | 'return' | undefined {
    if (target === 'ACCEPT') return { kind: 'accept', ...place };
    if (target === 'DROP' || target === 'REJECT') return { kind: 'drop', ...place, undecided: false };
    if (target === 'RETURN') return 'return';
    return this.#filter.chains.has(target) ? this.along(target) : undefined;
  }
}

/** Only for packets that are not the first of a connection between Pods. */
function isForOthers(rule: string, chain: string): boolean {
  // The marks of Kubernetes' own chains are for masquerading and dropping; others mark Pods' packets to accept them.
  if (chain.startsWith('KUBE-') && MARKED.test(rule)) return true;
  if (/--ctstatus /.test(rule)) return true;
  const states = /(! )?--(?:ctstate|state) (\S+)/.exec(rule);
  if (!states) return false;
  const hasNew = (states[2] ?? '').split(',').includes('NEW');
  return (states[1] === undefined) !== hasNew;
}

const PLACES = /(?<=^| )(! )?-([sdio]) (\S+) ?/g;

function matches(rule: string, { networks, interfaces, family }: Scope): Match {
  const own = networks.filter((network) => network.includes(':') === (family === 'ipv6'));
  const places = [...rule.matchAll(PLACES)].map(([, not, option = '', value = '']): Match => {
    const match = 'sd'.includes(option) ? matchesNetwork(value, own) : matchesInterface(value, interfaces);
    if (not === undefined) return match;
    return match === 'no' ? 'yes' : 'perhaps';
  });
  if (places.includes('no')) return 'no';
  return places.includes('perhaps') || !isForAll(rule) ? 'perhaps' : 'yes';
}

function matchesNetwork(value: string, own: readonly Cidr[]): Match {
  const address = parseAddress(value);
  const cidr = address === undefined ? parseCidr(value) : hostCidr(address);
  if (own.length === 0 || cidr === undefined) return 'perhaps';
  if (own.some((network) => isWithin(network, cidr))) return 'yes';
  return own.some((network) => isWithin(cidr, network)) ? 'perhaps' : 'no';
}

function isWithin(inner: Cidr, outer: Cidr): boolean {
  const first = inner.slice(0, inner.indexOf('/')) as Address;
  return prefixLength(outer) <= prefixLength(inner) && cidrContains(outer, first);
}

function matchesInterface(value: string, own: readonly string[]): Match {
  const isOwn = own.some((name) =>
    value.endsWith('+') ? name.startsWith(value.slice(0, -1)) : name === value,
  );
  if (isOwn) return 'yes';
  // Interfaces of Pods that hang on no bridge have many names.
  return own.length > 0 || !/^(cali|veth|lxc|eni|gw|tap)/.test(value) ? 'no' : 'perhaps';
}

/** Asks for nothing but networks, interfaces, and states that a new connection has. */
function isForAll(rule: string): boolean {
  const rest = rule
    .replaceAll(/-m (?:conntrack (?:! )?--ctstate|state (?:! )?--state) \S+ ?/g, '')
    .replaceAll(PLACES, '')
    .replace(/-[jg] \S+/, '')
    .replace(/--reject-with \S+/, '');
  return rest.trim() === '';
}

/** Comments may hold words that look like parts of rules. */
function withoutComment(rule: string): string {
  return rule.replaceAll(/-m comment --comment (?:"(?:[^"\\]|\\.)*"|\S+) ?/g, '');
}
