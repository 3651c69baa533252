import { cidrContains, familyOf, hostCidr, isLoopback } from './address.ts';
import type { Address, Cidr, NodeFacts, ProxySettings } from './model.ts';

/** Which addresses of the node answer node ports in one family. */
export type NodePortScope =
  | { readonly kind: 'all'; readonly localhost: boolean }
  | { readonly kind: 'some'; readonly addresses: readonly Address[]; readonly localhost: boolean };

/**
 * Resolves nodePortAddresses on this node as kube-proxy does: a list that names no network of this family means
 * every address, and so does one with a zero-length prefix; `primary` is the node IP. 127.0.0.1 answers
 * (`localhost`) only in IPv4, where allowed, and where the list covers it.
 */
export function nodePortScope(node: NodeFacts, settings: ProxySettings): NodePortScope {
  const cidrs = scopeCidrs(node, settings);
  const all = cidrs.length === 0 || cidrs.some((cidr) => cidr.endsWith('/0'));
  const coversLoopback = all || cidrs.some(touchesLoopback);
  const localhost = settings.family === 'ipv4' && settings.localhostNodePorts && coversLoopback;
  if (all) return { kind: 'all', localhost };
  const addresses = node.localAddresses
    .filter((address) => cidrs.some((cidr) => cidrContains(cidr, address)))
    .filter((address) => localhost || !isLoopback(address));
  return { kind: 'some', addresses, localhost };
}

/** In 127.0.0.0/8, or around it. */
function touchesLoopback(cidr: Cidr): boolean {
  return (
    isLoopback(cidr.slice(0, cidr.indexOf('/')) as Address) || cidrContains(cidr, '127.0.0.0' as Address)
  );
}

function scopeCidrs(node: NodeFacts, settings: ProxySettings): readonly Cidr[] {
  const { nodePortAddresses, family } = settings;
  if (nodePortAddresses === 'primary') return isLoopback(node.nodeIP) ? [] : [hostCidr(node.nodeIP)];
  return nodePortAddresses.filter((cidr) => familyOf(cidr) === family);
}
