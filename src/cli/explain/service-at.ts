import { cidrContains } from '../../../rules/address.ts';
import type { Address, Protocol, ServicePort } from '../../../rules/model.ts';
import { nodePortScope } from '../../../rules/node-ports.ts';
import type { KnownCluster, KnownService } from './cluster.ts';
import { isNodes, type NodeView } from './node-view.ts';

/** The kinds of addresses by which Services are reached. */
export type Access = 'cluster IP' | 'external IP' | 'load balancer IP' | 'node port';

/** A way to a ServicePort. */
export interface ServiceWay {
  readonly servicePort: ServicePort;
  readonly access: Access;
}

export interface Destination {
  readonly address: Address;
  readonly port: number;
  readonly protocol: Protocol;
}

/** The ServicePort that has a destination. */
export function serviceAt(to: Destination, view: NodeView, cluster: KnownCluster): ServiceWay | undefined {
  const services = cluster
    .services(view.family)
    .filter(({ servicePort }) => servicePort.protocol === to.protocol);
  for (const { servicePort } of services) {
    if (servicePort.port !== to.port) continue;
    const access = accessOf(servicePort, to.address);
    if (access) return { servicePort, access };
  }
  if (!isNodes(view, to.address)) return undefined;
  const found = services.find(({ servicePort: { nodePort } }) => nodePort !== 0 && nodePort === to.port);
  return found && { servicePort: found.servicePort, access: 'node port' };
}

/** All ways to a ServicePort that there are at this node. */
export function waysTo({ servicePort }: KnownService, view: NodeView): readonly (ServiceWay & Destination)[] {
  const { clusterIP, externalIPs, loadBalancerIPs, nodePort, port, protocol } = servicePort;
  const at = (access: Access, address: Address, number = port) => ({
    servicePort,
    access,
    address,
    port: number,
    protocol,
  });
  return [
    ...(clusterIP === undefined ? [] : [at('cluster IP', clusterIP)]),
    ...(nodePort === 0 ? [] : nodePortAddresses(view).map((own) => at('node port', own, nodePort))),
    ...externalIPs.map((address) => at('external IP', address)),
    ...loadBalancerIPs.map((address) => at('load balancer IP', address)),
  ];
}

/** What is said of a destination that no Service has: whose address it is, if anybody's. */
export function neighbourText(to: Destination, view: NodeView, cluster: KnownCluster): string | undefined {
  const services = cluster.services(view.family).map(({ servicePort }) => servicePort);
  const near = services.filter((servicePort) => accessOf(servicePort, to.address) !== undefined);
  const [first] = near;
  if (first) {
    const access = accessOf(first, to.address);
    const ports = near.map(
      ({ port, protocol, portName }) => `${port}/${protocol}${portName && ` (${portName})`}`,
    );
    const whose = `${to.address} is the ${access} of Service ${first.namespace}/${first.service}`;
    return `${whose}, which has no port ${to.port}/${to.protocol}: it has ${ports.join(', ')}`;
  }
  const networks = cluster.names.serviceCIDRs(view.family);
  const network = networks.find((cidr) => cidrContains(cidr, to.address));
  if (network) return `no Service has ${to.address}, which is in ServiceCIDR ${network}`;
  // Pods, nodes and the rest of the world are nothing to wonder at.
  return undefined;
}

function accessOf(
  { clusterIP, externalIPs, loadBalancerIPs }: ServicePort,
  address: Address,
): Access | undefined {
  if (clusterIP === address) return 'cluster IP';
  if (externalIPs.includes(address)) return 'external IP';
  return loadBalancerIPs.includes(address) ? 'load balancer IP' : undefined;
}

/** One address by which node ports are reached. */
function nodePortAddresses({ facts, settings, address, isAddressKnown }: NodeView): readonly Address[] {
  if (!facts || !settings || !isAddressKnown) return [];
  const scope = nodePortScope(facts, settings);
  if (scope.kind === 'all' || scope.addresses.includes(address)) return [address];
  return scope.addresses.slice(0, 1);
}
