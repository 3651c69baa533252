import type { Fragment } from '../fragment.ts';
import type { Address, NodeFacts, ProxySettings } from '../model.ts';
import { nodePortScope } from '../node-ports.ts';
import { intervalSet } from './intervals.ts';
import { notLocalMatch } from './local-traffic.ts';
import { chainObject, elementObject, setObject } from './objects.ts';

/** What is there without any Service. Names, order and comments are kube-proxy's. */
export function compileBase(node: NodeFacts, settings: ProxySettings): Fragment {
  const ip = settings.family === 'ipv6' ? 'ip6' : 'ip';
  const address = settings.family === 'ipv6' ? 'ipv6_addr' : 'ipv4_addr';
  const scope = nodePortScope(node, { ...settings, localhostNodePorts: false });
  const some = scope.kind === 'some';
  const toNode = some ? `${ip} daddr @nodeport-ips` : `fib daddr type local ${NOT_LOOPBACK[settings.family]}`;
  // Whatever comes to the input hook is to the node.
  const toNodeInput = some ? toNode : NOT_LOOPBACK[settings.family];
  const isNew = 'ct state new jump';
  return [
    setObject('set', 'hairpin-connections', [
      `type ${address} . ${address} . inet_proto . inet_service`,
      'comment "service hairpin connections"',
    ]),
    setObject('set', 'cluster-ips', [`type ${address}`, 'comment "Active ClusterIPs"']),
    ...(some ? nodePortIPs(address, scope.addresses) : []),
    setObject('map', 'no-endpoint-services', [
      `type ${address} . inet_proto . inet_service : verdict`,
      'comment "vmap to drop or reject packets to services with no endpoints"',
    ]),
    setObject('map', 'no-endpoint-nodeports', [
      'type inet_proto . inet_service : verdict',
      'comment "vmap to drop or reject packets to service nodeports with no endpoints"',
    ]),
    setObject('map', 'firewall-ips', [
      `type ${address} . inet_proto . inet_service : verdict`,
      'comment "destinations that are subject to LoadBalancerSourceRanges"',
    ]),
    setObject('map', 'service-ips', [
      `type ${address} . inet_proto . inet_service : verdict`,
      'comment "ClusterIP, ExternalIP and LoadBalancer IP traffic"',
    ]),
    setObject('map', 'service-nodeports', [
      'type inet_proto . inet_service : verdict',
      'comment "NodePort traffic"',
    ]),
    chainObject('filter-prerouting-pre-dnat', [
      'type filter hook prerouting priority dstnat - 10; policy accept;',
      `${isNew} firewall-check`,
    ]),
    chainObject('filter-output-pre-dnat', [
      'type filter hook output priority -110; policy accept;',
      `${isNew} firewall-check`,
    ]),
    chainObject('filter-input', [
      'type filter hook input priority filter; policy accept;',
      `${isNew} nodeport-endpoints-check`,
      `${isNew} service-endpoints-check`,
    ]),
    chainObject('filter-forward', [
      'type filter hook forward priority filter; policy accept;',
      `${isNew} service-endpoints-check`,
      `${isNew} cluster-ips-check`,
    ]),
    chainObject('filter-output', [
      'type filter hook output priority filter; policy accept;',
      `${isNew} service-endpoints-check`,
      `${isNew} cluster-ips-check`,
    ]),
    chainObject('nat-prerouting', [
      'type nat hook prerouting priority dstnat; policy accept;',
      'jump services',
    ]),
    chainObject('nat-output', ['type nat hook output priority -100; policy accept;', 'jump services']),
    chainObject('nat-postrouting', [
      'type nat hook postrouting priority srcnat; policy accept;',
      'jump masquerading',
    ]),
    chainObject('nodeport-endpoints-check', [
      `${toNodeInput} meta l4proto . th dport vmap @no-endpoint-nodeports`,
    ]),
    chainObject('service-endpoints-check', [
      `${ip} daddr . meta l4proto . th dport vmap @no-endpoint-services`,
    ]),
    chainObject('firewall-check', [`${ip} daddr . meta l4proto . th dport vmap @firewall-ips`]),
    chainObject('services', [
      ...masqueradeClusterIPs(ip, settings),
      `${ip} daddr . meta l4proto . th dport vmap @service-ips`,
      `${toNode} meta l4proto . th dport vmap @service-nodeports`,
    ]),
    chainObject('masquerading', masquerading(ip, settings)),
    chainObject('cluster-ips-check', [
      `${ip} daddr @cluster-ips reject comment "Reject traffic to invalid ports of ClusterIPs"`,
      ...(node.serviceCIDRs.length === 0
        ? []
        : [
            `${ip} daddr ${intervalSet(node.serviceCIDRs)} drop comment "Drop traffic to unallocated ClusterIPs"`,
          ]),
    ]),
    chainObject('reject-chain', [
      'comment "helper for @no-endpoint-services / @no-endpoint-nodeports"',
      'reject',
    ]),
  ];
}

/** Node ports never answer on loopback in this mode. */
const NOT_LOOPBACK = {
  ipv4: 'ip daddr != 127.0.0.0/8',
  ipv6: 'ip6 daddr != ::1',
} as const;

function nodePortIPs(type: string, addresses: readonly Address[]): Fragment {
  return [
    setObject('set', 'nodeport-ips', [`type ${type}`, 'comment "IPs that accept NodePort traffic"']),
    ...addresses.map((address) => elementObject('nodeport-ips', address)),
  ];
}

/** A mark as nft prints it. */
export function markText({ masqueradeMark }: ProxySettings): string {
  return `0x${masqueradeMark.toString(16).padStart(8, '0')}`;
}

function masqueradeClusterIPs(ip: string, settings: ProxySettings): readonly string[] {
  const mark = `meta mark set meta mark | ${markText(settings)}`;
  const to = `${ip} daddr @cluster-ips`;
  if (settings.masqueradeAll) return [`${to} ${mark} comment "masquerade all clusterIP traffic"`];
  const notLocal = notLocalMatch(settings);
  if (notLocal === undefined) return [];
  return [`${to} ${notLocal} ${mark} comment "masquerade clusterIP traffic from outside cluster"`];
}

function masquerading(ip: string, settings: ProxySettings): readonly string[] {
  const mark = markText(settings);
  const how = `masquerade${settings.randomFully ? ' fully-random' : ''}`;
  const pair = `${ip} saddr . ${ip} daddr . meta l4proto . th dport`;
  return [
    `meta mark & ${mark} != 0x00000000 meta mark set meta mark ^ ${mark} ${how}`,
    `ct status dnat ${pair} @hairpin-connections ${how}`,
  ];
}
