import { isLoopback } from '../address.ts';
import type { Address, NodeFacts, ProxySettings } from '../model.ts';
import { nodePortScope } from '../node-ports.ts';

/** The addresses of the node that answer node ports in this mode. Loopback never does. */
export function nodePortAddresses(node: NodeFacts, settings: ProxySettings): readonly Address[] {
  const scope = nodePortScope(node, { ...settings, localhostNodePorts: false });
  if (scope.kind === 'some') return scope.addresses.filter((address) => !isLoopback(address));
  return node.localAddresses.filter((address) => !isLoopback(address) && !isLinkLocal(address));
}

/** fe80::/10: an address that means something only together with an interface. */
function isLinkLocal(address: Address): boolean {
  return /^fe[89ab][0-9a-f]:/.test(address);
}
