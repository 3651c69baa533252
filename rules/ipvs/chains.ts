import type { Fragment } from '../fragment.ts';
import { commentMatch } from '../iptables/spelling.ts';
import type { LocalDetector, ProxySettings } from '../model.ts';
import { chainObject, ruleObject } from './objects.ts';
import type { SetId } from './sets.ts';
import { setName } from './sets.ts';

export type Table = 'filter' | 'nat';
export const TABLES: readonly Table[] = ['filter', 'nat'];

/** Our chains. KUBE-IPVS-OUT-FILTER has rules of ServicePorts, in any order. */
export const OWN_CHAINS: Readonly<Record<Table, readonly string[]>> = {
  filter: [
    'KUBE-FORWARD',
    'KUBE-IPVS-FILTER',
    'KUBE-IPVS-OUT-FILTER',
    'KUBE-NODE-PORT',
    'KUBE-PROXY-FIREWALL',
    'KUBE-SOURCE-RANGES-FIREWALL',
  ],
  nat: ['KUBE-LOAD-BALANCER', 'KUBE-MARK-MASQ', 'KUBE-NODE-PORT', 'KUBE-POSTROUTING', 'KUBE-SERVICES'],
};

export const SHARED_CHAIN = { table: 'filter', chain: 'KUBE-IPVS-OUT-FILTER' } as const;

export const BUILTIN_CHAINS: Readonly<Record<Table, readonly string[]>> = {
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
  nat: ['PREROUTING', 'OUTPUT', 'POSTROUTING'],
};

/**
 * A line of a chain in a ruleset: `[SET] RULE` stands only while the set has entries.
 * @returns the lines of the chain as they should be in the kernel.
 */
export function settleChain(text: string, isFilled: (set: string) => boolean): string[] {
  const lines: string[] = [];
  for (const line of text === '' ? [] : text.split('\n')) {
    const set = conditionOf(line);
    if (set === undefined) lines.push(line);
    else if (isFilled(set)) lines.push(line.slice(set.length + '[] '.length));
  }
  return lines;
}

/** The set that a line of a chain in a ruleset depends on. */
export function conditionOf(line: string): string | undefined {
  return line.startsWith('[') ? line.slice(1, line.indexOf(']')) : undefined;
}

/** All iptables rules of ipvs mode, but for those of single ServicePorts. */
export function compileChains(settings: ProxySettings): Fragment {
  const { family, randomFully } = settings;
  const mark = `0x${settings.masqueradeMark.toString(16)}`;
  const loopback = family === 'ipv6' ? '::1/128' : '127.0.0.0/8';
  const unreachable = family === 'ipv6' ? 'icmp6-port-unreachable' : 'icmp-port-unreachable';
  const match = (id: SetId, how: string): string => `-m set --match-set ${setName(id, family)} ${how}`;
  const when = (id: SetId, rule: string): string => `[${setName(id, family)}] ${rule}`;
  const known = (id: SetId, how: string, target: string, protocol = ''): string =>
    when(id, `${protocol && `-p ${protocol} `}${commentMatch(COMMENTS[id])} ${match(id, how)} -j ${target}`);
  const external = (id: SetId): string[] =>
    [
      // Neither from a container on a bridge nor from this node itself.
      '-m physdev ! --physdev-is-in -m addrtype ! --src-type LOCAL',
      '-m addrtype --dst-type LOCAL',
    ].map((traffic) =>
      when(id, `${commentMatch(COMMENTS[id])} ${match(id, 'dst,dst')} ${traffic} -j ACCEPT`),
    );

  return [
    chainObject('filter', 'KUBE-FORWARD', [
      `${commentMatch('kubernetes forwarding rules')} -m mark --mark ${mark}/${mark} -j ACCEPT`,
      `${commentMatch('kubernetes forwarding conntrack rule')} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
    ]),
    // Addresses of Services are the node's own here: nobody shall reach the node's other ports by them.
    chainObject('filter', 'KUBE-IPVS-FILTER', [
      `${match('KUBE-LOAD-BALANCER', 'dst,dst')} -j RETURN`,
      `${match('KUBE-CLUSTER-IP', 'dst,dst')} -j RETURN`,
      `${match('KUBE-EXTERNAL-IP', 'dst,dst')} -j RETURN`,
      `${match('KUBE-EXTERNAL-IP-LOCAL', 'dst,dst')} -j RETURN`,
      `${match('KUBE-HEALTH-CHECK-NODE-PORT', 'dst')} -j RETURN`,
      `-m conntrack --ctstate NEW ${match('KUBE-IPVS-IPS', 'dst')} -j REJECT --reject-with ${unreachable}`,
    ]),
    chainObject('filter', 'KUBE-IPVS-OUT-FILTER', []),
    chainObject('filter', 'KUBE-NODE-PORT', [
      `${commentMatch(COMMENTS['KUBE-HEALTH-CHECK-NODE-PORT'])} ${match('KUBE-HEALTH-CHECK-NODE-PORT', 'dst')} -j ACCEPT`,
    ]),
    chainObject('filter', 'KUBE-PROXY-FIREWALL', [
      known('KUBE-LOAD-BALANCER-FW', 'dst,dst', 'KUBE-SOURCE-RANGES-FIREWALL'),
    ]),
    chainObject('filter', 'KUBE-SOURCE-RANGES-FIREWALL', [
      known('KUBE-LOAD-BALANCER-SOURCE-CIDR', 'dst,dst,src', 'RETURN'),
      known('KUBE-LOAD-BALANCER-SOURCE-IP', 'dst,dst,src', 'RETURN'),
      '-j DROP',
    ]),
    chainObject('nat', 'KUBE-LOAD-BALANCER', [
      known('KUBE-LOAD-BALANCER-LOCAL', 'dst,dst', 'RETURN'),
      '-j KUBE-MARK-MASQ',
    ]),
    chainObject('nat', 'KUBE-MARK-MASQ', [`-j MARK --set-xmark ${mark}/${mark}`]),
    chainObject('nat', 'KUBE-NODE-PORT', [
      known('KUBE-NODE-PORT-LOCAL-TCP', 'dst', 'RETURN', 'tcp'),
      known('KUBE-NODE-PORT-TCP', 'dst', 'KUBE-MARK-MASQ', 'tcp'),
      known('KUBE-NODE-PORT-LOCAL-UDP', 'dst', 'RETURN', 'udp'),
      known('KUBE-NODE-PORT-UDP', 'dst', 'KUBE-MARK-MASQ', 'udp'),
      known('KUBE-NODE-PORT-LOCAL-SCTP-HASH', 'dst,dst', 'RETURN', 'sctp'),
      known('KUBE-NODE-PORT-SCTP-HASH', 'dst,dst', 'KUBE-MARK-MASQ', 'sctp'),
    ]),
    chainObject('nat', 'KUBE-POSTROUTING', [
      known('KUBE-LOOP-BACK', 'dst,dst,src', 'MASQUERADE'),
      `-m mark ! --mark ${mark}/${mark} -j RETURN`,
      `-j MARK --set-xmark ${mark}/0x0`,
      `${commentMatch('kubernetes service traffic requiring SNAT')} -j MASQUERADE${randomFully ? ' --random-fully' : ''}`,
    ]),
    chainObject('nat', 'KUBE-SERVICES', [
      `-s ${loopback} -j RETURN`,
      known('KUBE-LOAD-BALANCER', 'dst,dst', 'KUBE-LOAD-BALANCER'),
      when('KUBE-CLUSTER-IP', masqueradeClusterIPs(settings, match)),
      known('KUBE-EXTERNAL-IP', 'dst,dst', 'KUBE-MARK-MASQ'),
      ...external('KUBE-EXTERNAL-IP'),
      ...external('KUBE-EXTERNAL-IP-LOCAL'),
      '-m addrtype --dst-type LOCAL -j KUBE-NODE-PORT',
      when('KUBE-CLUSTER-IP', `${match('KUBE-CLUSTER-IP', 'dst,dst')} -j ACCEPT`),
      when('KUBE-LOAD-BALANCER', `${match('KUBE-LOAD-BALANCER', 'dst,dst')} -j ACCEPT`),
    ]),
    ...JUMPS.map(([table, chain, why, target]) =>
      ruleObject(table, chain, `${commentMatch(why)} -j ${target}`),
    ),
  ];
}

/** In the order in which they stand in the kernel's chains. */
const JUMPS: readonly (readonly [Table, string, string, string])[] = [
  ['filter', 'INPUT', 'kubernetes ipvs access filter', 'KUBE-IPVS-FILTER'],
  ['filter', 'INPUT', 'kube-proxy firewall rules', 'KUBE-PROXY-FIREWALL'],
  ['filter', 'INPUT', 'kubernetes health check rules', 'KUBE-NODE-PORT'],
  ['filter', 'FORWARD', 'kube-proxy firewall rules', 'KUBE-PROXY-FIREWALL'],
  ['filter', 'FORWARD', 'kubernetes forwarding rules', 'KUBE-FORWARD'],
  ['filter', 'OUTPUT', 'kubernetes ipvs access filter', 'KUBE-IPVS-OUT-FILTER'],
  ['nat', 'PREROUTING', 'kubernetes service portals', 'KUBE-SERVICES'],
  ['nat', 'OUTPUT', 'kubernetes service portals', 'KUBE-SERVICES'],
  ['nat', 'POSTROUTING', 'kubernetes postrouting rules', 'KUBE-POSTROUTING'],
];

/** What kube-proxy says of its sets; compared as a part of the rules. iptables-save escapes the quotes. */
const COMMENTS: Readonly<Record<SetId, string>> = {
  'KUBE-LOOP-BACK': 'Kubernetes endpoints dst ip:port, source ip for solving hairpin purpose',
  'KUBE-CLUSTER-IP': 'Kubernetes service cluster ip + port for masquerade purpose',
  'KUBE-EXTERNAL-IP': 'Kubernetes service external ip + port for masquerade and filter purpose',
  'KUBE-EXTERNAL-IP-LOCAL': 'Kubernetes service external ip + port with externalTrafficPolicy=local',
  'KUBE-LOAD-BALANCER': 'Kubernetes service lb portal',
  'KUBE-LOAD-BALANCER-FW': 'Kubernetes service load balancer ip + port for load balancer with sourceRange',
  'KUBE-LOAD-BALANCER-LOCAL': 'Kubernetes service load balancer ip + port with externalTrafficPolicy=local',
  'KUBE-LOAD-BALANCER-SOURCE-IP':
    'Kubernetes service load balancer ip + port + source IP for packet filter purpose',
  'KUBE-LOAD-BALANCER-SOURCE-CIDR':
    'Kubernetes service load balancer ip + port + source cidr for packet filter purpose',
  'KUBE-NODE-PORT-TCP': 'Kubernetes nodeport TCP port for masquerade purpose',
  'KUBE-NODE-PORT-LOCAL-TCP': 'Kubernetes nodeport TCP port with externalTrafficPolicy=local',
  'KUBE-NODE-PORT-UDP': 'Kubernetes nodeport UDP port for masquerade purpose',
  'KUBE-NODE-PORT-LOCAL-UDP': 'Kubernetes nodeport UDP port with externalTrafficPolicy=local',
  'KUBE-NODE-PORT-SCTP-HASH':
    "Kubernetes nodeport SCTP port for masquerade purpose with type \\'hash ip:port\\'",
  'KUBE-NODE-PORT-LOCAL-SCTP-HASH':
    "Kubernetes nodeport SCTP port with externalTrafficPolicy=local with type \\'hash ip:port\\'",
  'KUBE-HEALTH-CHECK-NODE-PORT': 'Kubernetes health check node port',
  'KUBE-IPVS-IPS': '',
};

/** Traffic to a cluster IP that may leave by another node needs this node's address. */
function masqueradeClusterIPs(
  { masqueradeAll, localDetector }: ProxySettings,
  match: (id: SetId, how: string) => string,
): string {
  // Without a way to tell what is local, only what comes from the Service's address itself: the node's own.
  const how = masqueradeAll || localDetector.kind !== 'none' ? 'dst,dst' : 'src,dst';
  const source = masqueradeAll ? '' : notLocal(localDetector);
  const what = `${commentMatch(COMMENTS['KUBE-CLUSTER-IP'])} ${match('KUBE-CLUSTER-IP', how)}`;
  return `${source}${what} -j KUBE-MARK-MASQ`;
}

function notLocal(detector: LocalDetector): string {
  switch (detector.kind) {
    case 'none':
      return '';
    case 'cidr':
      return `! -s ${detector.cidr} `;
    case 'bridge':
      return `! -i ${detector.interface} `;
    case 'prefix':
      return `! -i ${detector.prefix}+ `;
  }
}
