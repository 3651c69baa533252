import type { Address, Family, ServicePort, ServicePortKey } from '../../rules/model.ts';
import type { Packet } from '../model/packet-walk.ts';
import type { Surroundings } from './nodes.ts';
import type { Programming } from './programming.ts';

/** A way to a ServicePort that it owns. */
export interface Destination {
  readonly servicePort: ServicePort;
  readonly address: Address;
  readonly port: number;
  readonly kind: 'cluster IP' | 'external IP' | 'load balancer IP' | 'node port';
}

/**
 * The destinations of a cluster, by protocol, address and port. Those that a ServicePort has in two respects (its
 * external address is its cluster IP) are left out: which of two rules is met is nobody's promise.
 */
export function destinationsOf(
  { desired, tracker }: Programming,
  family: Family,
  { node }: Surroundings,
): ReadonlyMap<string, Destination> {
  const found = new Map<string, Destination>();
  const ambiguous = new Set<string>();
  const add = (destination: Destination): void => {
    const { address, port, servicePort } = destination;
    const name = `${servicePort.protocol} ${address} ${port}`;
    if (found.has(name)) ambiguous.add(name);
    found.set(name, destination);
  };
  for (const key of desired.ruleset.owners()) {
    const servicePort = tracker.resolve(family, key as ServicePortKey)?.servicePort;
    if (!servicePort) continue;
    const { port, clusterIP, externalIPs, loadBalancerIPs, nodePort } = servicePort;
    if (clusterIP !== undefined) add({ servicePort, address: clusterIP, port, kind: 'cluster IP' });
    for (const address of externalIPs) add({ servicePort, address, port, kind: 'external IP' });
    for (const address of loadBalancerIPs) add({ servicePort, address, port, kind: 'load balancer IP' });
    for (const address of nodePort === 0 ? [] : node.localAddresses) {
      add({ servicePort, address, port: nodePort, kind: 'node port' });
    }
  }
  for (const name of ambiguous) found.delete(name);
  return found;
}

const SOURCES: Readonly<Record<Family, readonly (readonly [string, string | undefined])[]>> = {
  ipv4: [
    ['10.244.0.1', 'cni0'],
    ['192.0.2.9', 'eth0'],
    ['8.8.8.8', 'eth0'],
    ['172.18.0.2', undefined],
  ],
  ipv6: [
    ['fd00:10:244::1', 'cni0'],
    ['2001:db8:9::9', 'eth0'],
    ['2001:db8:ff::1', 'eth0'],
    ['fd00:172:18::2', undefined],
  ],
};

/** To the destination from a Pod, from outside (inside and outside of most source ranges), and from the node. */
export function packetsTo({ address, port, servicePort }: Destination): readonly Packet[] {
  const { family, protocol } = servicePort;
  return SOURCES[family].map(([source, from]) => ({
    source: source as Address,
    destination: address,
    protocol,
    port,
    from,
  }));
}
