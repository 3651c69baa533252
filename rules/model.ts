/**
 * The vocabulary of everything in rules/: what one node has to know about Services to program its kernel.
 * All values here have been validated where they entered the program; compilers may print them as they are.
 */

export type Family = 'ipv4' | 'ipv6';
export const FAMILIES: readonly Family[] = ['ipv4', 'ipv6'];

/** A transport protocol as rules spell it. The API writes it in capitals. */
export type Protocol = 'tcp' | 'udp' | 'sctp';

/** An IP address in its one canonical spelling: RFC 5952 for IPv6, no leading zeros for IPv4. */
export type Address = string & { readonly __brand: 'Address' };

/** A network in canonical spelling: host bits zero, prefix length always there. */
export type Cidr = string & { readonly __brand: 'Cidr' };

/** `namespace/name:port/protocol`, without the colon where the port has no name. Unique in a cluster. */
export type ServicePortKey = string & { readonly __brand: 'ServicePortKey' };

/** One port of one Service in one IP family: the unit of compilation, of dirtiness and of quarantine. */
export interface ServicePort {
  readonly key: ServicePortKey;
  /** `namespace/name:port`, or `namespace/name` for an unnamed port: what comments say and chain names hash. */
  readonly name: string;
  readonly namespace: string;
  readonly service: string;
  /** The port's own name, empty where it has none. */
  readonly portName: string;
  readonly family: Family;
  readonly protocol: Protocol;
  /** The Service's creationTimestamp in ms since the epoch: the oldest owner of a contested address wins. */
  readonly created: number;
  readonly port: number;
  /** 0: none. */
  readonly nodePort: number;
  /** 0: none. Set only for LoadBalancers with externalTrafficPolicy Local. */
  readonly healthCheckNodePort: number;
  /** Absent where an older Service owns this address and port. */
  readonly clusterIP: Address | undefined;
  readonly externalIPs: readonly Address[];
  /** Ingress addresses with ipMode VIP. */
  readonly loadBalancerIPs: readonly Address[];
  /** Empty: everybody. Never holds a zero-length prefix, which is as good as none. */
  readonly sourceRanges: readonly Cidr[];
  readonly externalPolicyLocal: boolean;
  readonly internalPolicyLocal: boolean;
  /** sessionAffinity ClientIP: seconds for which a client keeps its endpoint. 0: no affinity. */
  readonly affinitySeconds: number;
  /** Sorted by `endpointText`, as strings. */
  readonly endpoints: readonly Endpoint[];
}

/** One address and port of a Pod (or anything else) behind a ServicePort. */
export interface Endpoint {
  readonly address: Address;
  readonly port: number;
  /** On this node. */
  readonly local: boolean;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  readonly nodeName: string | undefined;
  /** hints.forZones and hints.forNodes; empty where there are none. */
  readonly zoneHints: readonly string[];
  readonly nodeHints: readonly string[];
}

/** What one IP family of the node is like, as far as rules depend on it. */
export interface NodeFacts {
  readonly nodeName: string;
  /** The label topology.kubernetes.io/zone; empty where there is none. */
  readonly zone: string;
  /** The node's address of this family: the Node object's, or --bind-address, or loopback. */
  readonly nodeIP: Address;
  /** spec.podCIDRs of this family. */
  readonly podCIDRs: readonly Cidr[];
  /** Addresses of this node's interfaces in this family, loopback among them. */
  readonly localAddresses: readonly Address[];
  /** spec.cidrs of all ServiceCIDRs in this family. */
  readonly serviceCIDRs: readonly Cidr[];
}

/** How to tell traffic of this node's Pods from other traffic (detectLocalMode). */
export type LocalDetector =
  | { readonly kind: 'none' }
  | { readonly kind: 'cidr'; readonly cidr: Cidr }
  | { readonly kind: 'bridge'; readonly interface: string }
  | { readonly kind: 'prefix'; readonly prefix: string };

/** Settings that rules of one family depend on: settled once, at start. */
export interface ProxySettings {
  readonly family: Family;
  readonly localDetector: LocalDetector;
  readonly masqueradeAll: boolean;
  /** The packet mark for traffic to masquerade, a single bit: 2 to the power of masqueradeBit. */
  readonly masqueradeMark: number;
  /** Networks of either family, none for all addresses, or the node IP alone. See node-ports.ts. */
  readonly nodePortAddresses: readonly Cidr[] | 'primary';
  /** Node ports may answer on 127.0.0.1 as well (IPv4 in iptables mode only). */
  readonly localhostNodePorts: boolean;
  /** conntrack.tcpBeLiberal: packets in state INVALID are not dropped. */
  readonly conntrackTCPBeLiberal: boolean;
  /** The kernel has nfacct objects (xt_nfacct): two rules count what they match. */
  readonly nfacct: boolean;
  /** MASQUERADE knows --random-fully. */
  readonly randomFully: boolean;
}

/** `address:port`, with brackets for IPv6: how endpoints are named in rules and sorted. */
export function endpointText(endpoint: Pick<Endpoint, 'address' | 'port'>): string {
  return endpoint.address.includes(':')
    ? `[${endpoint.address}]:${endpoint.port}`
    : `${endpoint.address}:${endpoint.port}`;
}
