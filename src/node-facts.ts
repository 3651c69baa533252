import { familyOf, parseAddress } from '../rules/address.ts';
import type { Address, Cidr, Family, LocalDetector, NodeFacts, ProxySettings } from '../rules/model.ts';
import type { KubeProxyConfiguration, Settings } from './config/settings.ts';
import type { NodeObject } from './tracker/node.ts';

const LOOPBACK = { ipv4: '127.0.0.1' as Address, ipv6: '::1' as Address } as const;

export interface NodeSources {
  readonly node: NodeObject | undefined;
  /** Addresses on the node's interfaces, of both families; loopback need not be among them. */
  readonly localAddresses: readonly Address[];
  readonly serviceCIDRs: readonly Cidr[];
}

/** What rules of one family have to know about the node. */
export function nodeFacts(family: Family, settings: Settings, sources: NodeSources): NodeFacts {
  const { node, localAddresses, serviceCIDRs } = sources;
  const own = localAddresses.filter((address) => familyOf(address) === family);
  return {
    nodeName: settings.nodeName,
    zone: node?.zone ?? '',
    nodeIP: nodeIP(family, settings, node),
    podCIDRs: (node?.podCIDRs ?? []).filter((cidr) => familyOf(cidr) === family),
    localAddresses: [...new Set([...own, LOOPBACK[family]])],
    serviceCIDRs,
  };
}

/** The IP family that the node could not do without: of --bind-address, else of the Node's first address. */
export function primaryFamily(settings: Settings, node: NodeObject | undefined): Family {
  const bound = boundAddress(settings);
  return familyOf(bound ?? node?.nodeIPs[0] ?? LOOPBACK.ipv4);
}

/** A --bind-address wins; a Node that is not known, or has no address of the family, is at loopback. */
function nodeIP(family: Family, settings: Settings, node: NodeObject | undefined): Address {
  const bound = boundAddress(settings);
  if (bound !== undefined && familyOf(bound) === family) return bound;
  return node?.nodeIPs.find((address) => familyOf(address) === family) ?? LOOPBACK[family];
}

function boundAddress({ bindAddress }: Settings): Address | undefined {
  return bindAddress === '0.0.0.0' || bindAddress === '::' ? undefined : bindAddress;
}

/** What the node can do, as far as rules depend on it. */
export interface Capabilities {
  readonly nfacct: boolean;
  readonly randomFully: boolean;
}

/** What rules of one family depend on besides the node. */
export function proxySettings(
  family: Family,
  { config, mode }: Settings,
  facts: NodeFacts,
  capabilities: Capabilities,
): ProxySettings {
  const own = mode === 'nftables' ? config.nftables : config.iptables;
  return {
    family,
    localDetector: localDetector(family, config, facts),
    masqueradeAll: own.masqueradeAll,
    masqueradeMark: 2 ** own.masqueradeBit,
    nodePortAddresses: config.nodePortAddresses.includes('primary')
      ? 'primary'
      : config.nodePortAddresses.filter((entry): entry is Cidr => entry !== 'primary'),
    localhostNodePorts: config.iptables.localhostNodePorts,
    conntrackTCPBeLiberal: config.conntrack.tcpBeLiberal,
    ...capabilities,
  };
}

function localDetector(family: Family, config: KubeProxyConfiguration, facts: NodeFacts): LocalDetector {
  const first = (cidrs: readonly Cidr[]): LocalDetector => {
    const cidr = cidrs.find((entry) => familyOf(entry) === family);
    return cidr === undefined ? { kind: 'none' } : { kind: 'cidr', cidr };
  };
  switch (config.detectLocalMode) {
    case 'ClusterCIDR':
      return first(config.clusterCIDR);
    case 'NodeCIDR':
      return first(facts.podCIDRs);
    case 'BridgeInterface':
      return { kind: 'bridge', interface: config.detectLocal.bridgeInterface };
    case 'InterfaceNamePrefix':
      return { kind: 'prefix', prefix: config.detectLocal.interfaceNamePrefix };
  }
}

/** `--local-addresses`, each bare or as ADDR/LEN; validated with the other settings. */
export function givenAddresses(texts: readonly string[]): readonly Address[] {
  return texts
    .map((text) => parseAddress(text.replace(/\/\d+$/, '')))
    .filter((address) => address !== undefined);
}
