import { hostCidr } from '../address.ts';
import type { Fragment, KernelObject } from '../fragment.ts';
import type { NodeFacts, ProxySettings } from '../model.ts';
import { nodePortScope } from '../node-ports.ts';
import { compareText } from '../topology.ts';
import type { Table } from './chains.ts';
import { chainKey, ruleKey, TABLES } from './chains.ts';
import { commentMatch } from './spelling.ts';

/** What is there without any Service: static chains, the jumps to them, and where node ports are looked up. */
export function compileBase(node: NodeFacts, settings: ProxySettings): Fragment {
  const mark = `0x${settings.masqueradeMark.toString(16)}`;
  const invalid = '-m conntrack --ctstate INVALID';
  const counted = settings.nfacct ? ' -m nfacct --nfacct-name  ct_state_invalid_dropped_pkts' : '';
  return [
    // Other tools flush whole tables: these chains vanish with them, and that is noticed.
    ...TABLES.map((table) => chain(table, 'KUBE-PROXY-CANARY')),
    chain('filter', 'KUBE-EXTERNAL-SERVICES'),
    chain('filter', 'KUBE-FIREWALL'),
    chain('filter', 'KUBE-FORWARD', [
      // A packet that conntrack takes no notice of would keep its translated address and reset the connection.
      ...(settings.conntrackTCPBeLiberal ? [] : [`${invalid}${counted} -j DROP`]),
      `-m comment --comment "kubernetes forwarding rules" -m mark --mark ${mark}/${mark} -j ACCEPT`,
      '-m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    ]),
    chain('filter', 'KUBE-NODEPORTS'),
    chain('filter', 'KUBE-PROXY-FIREWALL'),
    chain('filter', 'KUBE-SERVICES'),
    chain('nat', 'KUBE-MARK-MASQ', [`-j MARK --set-xmark ${mark}/${mark}`]),
    chain('nat', 'KUBE-NODEPORTS'),
    chain('nat', 'KUBE-POSTROUTING', [
      `-m mark ! --mark ${mark}/${mark} -j RETURN`,
      `-j MARK --set-xmark ${mark}/0x0`,
      `-m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE${settings.randomFully ? ' --random-fully' : ''}`,
    ]),
    chain('nat', 'KUBE-SERVICES', nodePortJumps(node, settings)),
    ...jumps(),
    // route_localnet opens 127.0.0.0/8 to neighbours on the same network (CVE-2020-8558); this closes it again.
    ...(nodePortScope(node, settings).localhost ? [rule('filter', 'KUBE-FIREWALL', LOCALNET_GUARD)] : []),
  ];
}

const LOCALNET_GUARD =
  '! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment "block incoming localnet connections" -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP';

const LAST_RULE =
  '-m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain"';

/** The closing rules of KUBE-SERVICES. */
function nodePortJumps(node: NodeFacts, settings: ProxySettings): readonly string[] {
  const scope = nodePortScope(node, settings);
  if (scope.kind === 'all') {
    // Node ports never work on ::1, and on 127.0.0.1 only with route_localnet.
    const except = settings.family === 'ipv6' ? '! -d ::1/128 ' : scope.localhost ? '' : '! -d 127.0.0.0/8 ';
    return [`${except}${LAST_RULE} -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS`];
  }
  return scope.addresses
    .map((address) => `-d ${hostCidr(address)} ${LAST_RULE} -j KUBE-NODEPORTS`)
    .sort(compareText);
}

/** In the order in which they stand in the kernel's chains. */
function jumps(): KernelObject[] {
  const isNew = '-m conntrack --ctstate NEW ';
  const to = (target: string, why: string, condition = '') => `${condition}${commentMatch(why)} -j ${target}`;
  const guard = '-j KUBE-FIREWALL';
  const firewall = to('KUBE-PROXY-FIREWALL', 'kubernetes load balancer firewall', isNew);
  const external = to('KUBE-EXTERNAL-SERVICES', 'kubernetes externally-visible service portals', isNew);
  const services = to('KUBE-SERVICES', 'kubernetes service portals', isNew);
  const portals = to('KUBE-SERVICES', 'kubernetes service portals');
  return [
    rule('filter', 'INPUT', guard),
    rule('filter', 'INPUT', firewall),
    rule('filter', 'INPUT', to('KUBE-NODEPORTS', 'kubernetes health check service ports')),
    rule('filter', 'INPUT', external),
    rule('filter', 'FORWARD', firewall),
    rule('filter', 'FORWARD', to('KUBE-FORWARD', 'kubernetes forwarding rules')),
    rule('filter', 'FORWARD', services),
    rule('filter', 'FORWARD', external),
    rule('filter', 'OUTPUT', guard),
    rule('filter', 'OUTPUT', firewall),
    rule('filter', 'OUTPUT', services),
    rule('nat', 'PREROUTING', portals),
    rule('nat', 'OUTPUT', portals),
    rule('nat', 'POSTROUTING', to('KUBE-POSTROUTING', 'kubernetes postrouting rules')),
  ];
}

function chain(table: Table, name: string, rules: readonly string[] = []): KernelObject {
  return { key: chainKey(table, name), text: rules.join('\n') };
}

function rule(table: Table, name: string, text: string): KernelObject {
  return { key: ruleKey(table, name, text), text: '' };
}
