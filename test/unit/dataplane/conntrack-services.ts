import { parseAddress } from '../../../rules/address.ts';
import type { UdpFlow } from '../../../rules/conntrack.ts';
import type { Address, Endpoint, NodeFacts, ProxySettings, ServicePort } from '../../../rules/model.ts';

export const NODE: NodeFacts = {
  nodeName: 'node-1',
  zone: '',
  nodeIP: address('192.0.2.1'),
  podCIDRs: [],
  localAddresses: ['192.0.2.1', '10.244.0.1', '127.0.0.1'].map(address),
  serviceCIDRs: [],
};

export const SETTINGS: ProxySettings = {
  family: 'ipv4',
  localDetector: { kind: 'none' },
  masqueradeAll: false,
  masqueradeMark: 0x4000,
  nodePortAddresses: [],
  localhostNodePorts: true,
  conntrackTCPBeLiberal: false,
  nfacct: false,
  randomFully: true,
};

/** A DNS Service at 10.96.0.10:53, with a node port, an external IP and a load balancer's address. */
export function dns(endpoints: readonly Endpoint[], changes: Partial<ServicePort> = {}): ServicePort {
  return {
    key: 'kube-system/dns:dns/udp' as ServicePort['key'],
    name: 'kube-system/dns:dns',
    namespace: 'kube-system',
    service: 'dns',
    portName: 'dns',
    family: 'ipv4',
    protocol: 'udp',
    created: 0,
    port: 53,
    nodePort: 30053,
    healthCheckNodePort: 0,
    clusterIP: address('10.96.0.10'),
    externalIPs: [address('203.0.113.10')],
    loadBalancerIPs: [address('198.51.100.10')],
    sourceRanges: [],
    externalPolicyLocal: false,
    internalPolicyLocal: false,
    affinitySeconds: 0,
    endpoints,
    ...changes,
  };
}

/** An endpoint at 10.244.0.N:5353, ready unless told otherwise. */
export function endpoint(n: number, changes: Partial<Endpoint> = {}): Endpoint {
  return {
    address: address(`10.244.0.${n}`),
    port: 5353,
    local: true,
    ready: true,
    serving: true,
    terminating: false,
    nodeName: 'node-1',
    zoneHints: [],
    nodeHints: [],
    ...changes,
  };
}

/**
 * A flow as `destination:port → replySource:replyPort`, such as `10.96.0.10:53 → 10.244.0.5:5353`. IPv6 addresses go
 * in brackets.
 */
export function flow(text: string, zone = 0): UdpFlow {
  const [, destination = '', port, replySource = '', replyPort] =
    /^\[?([^\]]+?)\]?:(\d+) → \[?([^\]]+?)\]?:(\d+)$/.exec(text) ?? [];
  return {
    zone,
    destination: address(destination),
    port: Number(port),
    replySource: address(replySource),
    replyPort: Number(replyPort),
  };
}

export function address(text: string): Address {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new Error(`not an address: ${text}`);
  return parsed;
}
