import { cidrContains, familyOf, isLoopback } from '../../../rules/address.ts';
import type { Address, Cidr, Family, NodeFacts, ProxySettings } from '../../../rules/model.ts';
import type { Settings } from '../../config/settings.ts';
import { givenAddresses } from '../../node-facts.ts';
import type { KnownCluster } from './cluster.ts';

/** What is known of the node whose rules are looked at, for one family. */
export interface NodeView {
  readonly name: string;
  readonly family: Family;
  readonly localAddresses: readonly Address[];
  /** What it sends from, unless something tells better. */
  readonly address: Address;
  /** Stands for an address that is not known. */
  readonly isAddressKnown: boolean;
  readonly podCIDRs: readonly Cidr[];
  /** Where the cluster is known. */
  readonly facts: NodeFacts | undefined;
  readonly settings: ProxySettings | undefined;
}

/** Addresses that nobody has (RFC 7600, RFC 6666). */
const NOBODY = { ipv4: '192.0.0.8' as Address, ipv6: '100::8' as Address } as const;

/** @param kernelAddresses of the node's interfaces, where they were read */
export function nodeView(
  family: Family,
  settings: Settings,
  cluster: KnownCluster | undefined,
  kernelAddresses: readonly Address[] | undefined,
): NodeView {
  const { node, settings: proxy } = cluster?.families.get(family) ?? {};
  const given = settings.localAddresses && givenAddresses(settings.localAddresses);
  const all = given ?? kernelAddresses ?? node?.localAddresses ?? [];
  const own = all.filter((address) => familyOf(address) === family);
  const candidates = [...(node ? [node.nodeIP] : []), ...own].filter((address) => !isLoopback(address));
  const [address] = candidates;
  return {
    name: settings.nodeName,
    family,
    localAddresses: address === undefined ? [...own, NOBODY[family]] : own,
    address: address ?? NOBODY[family],
    isAddressKnown: address !== undefined,
    podCIDRs: node?.podCIDRs ?? [],
    facts: node,
    settings: proxy,
  };
}

export function isNodes({ localAddresses }: NodeView, address: Address): boolean {
  return isLoopback(address) || localAddresses.includes(address);
}

/** In one of the networks that the node's Pods have their addresses from. */
export function isOfPods({ podCIDRs }: NodeView, address: Address): boolean {
  return podCIDRs.some((cidr) => cidrContains(cidr, address));
}
