import type { Endpoint, NodeFacts, ServicePort } from './model.ts';
import { endpointText } from './model.ts';

/** The endpoints that one node uses for one ServicePort, by kind of traffic. */
export interface EndpointChoice {
  /** For traffic under the Cluster policy. */
  readonly cluster: readonly Endpoint[];
  /** For traffic under a Local policy. */
  readonly local: readonly Endpoint[];
  /** Whatever rules of this node may send traffic to: the union of both, in order. */
  readonly reachable: readonly Endpoint[];
  /** Some endpoint somewhere takes traffic. Without any, connections are rejected rather than dropped. */
  readonly any: boolean;
}

/** Reached from outside the cluster: by a node port, an external address or a load balancer's. */
export function isExternallyAccessible(servicePort: ServicePort): boolean {
  return (
    servicePort.nodePort !== 0 || servicePort.loadBalancerIPs.length > 0 || servicePort.externalIPs.length > 0
  );
}

/**
 * Whether some traffic follows the Cluster policy. With externalTrafficPolicy Local that is still so for what
 * starts on this node, which is treated as if it had gone out and come back.
 */
export function usesClusterEndpoints(servicePort: ServicePort): boolean {
  return !servicePort.internalPolicyLocal || isExternallyAccessible(servicePort);
}

export function usesLocalEndpoints(servicePort: ServicePort): boolean {
  return (
    servicePort.internalPolicyLocal ||
    (servicePort.externalPolicyLocal && isExternallyAccessible(servicePort))
  );
}

/**
 * Chooses endpoints as KEP-1669 (terminating endpoints), KEP-2433 (topology hints for zones) and KEP-3015
 * (PreferSameNode) say: ready ones first, narrowed by hints; where none is ready, those that still serve while
 * they terminate, decided for the Cluster and for the Local policy apart.
 */
export function chooseEndpoints(servicePort: ServicePort, node: NodeFacts): EndpointChoice {
  const { endpoints } = servicePort;
  const withCluster = usesClusterEndpoints(servicePort);
  const withLocal = usesLocalEndpoints(servicePort);
  const ready = endpoints.filter((endpoint) => endpoint.ready);
  const lastServing = endpoints.filter(isServingTerminating);

  let cluster: readonly Endpoint[] = [];
  if (withCluster) {
    cluster = narrowByHints(ready, node);
    if (cluster.length === 0) cluster = lastServing;
  }
  if (!withLocal) return { cluster, local: [], reachable: cluster, any: cluster.length > 0 };

  let local: readonly Endpoint[] = ready.filter((endpoint) => endpoint.local);
  if (local.length === 0) local = lastServing.filter((endpoint) => endpoint.local);
  return {
    cluster,
    local,
    reachable: withCluster ? union(cluster, local) : local,
    any: cluster.length > 0 || ready.length > 0 || lastServing.length > 0,
  };
}

/** The ready endpoints that hints leave for this node: those for the node, else for its zone, else all. */
export function narrowByHints(ready: readonly Endpoint[], node: NodeFacts): readonly Endpoint[] {
  if (ready.length === 0) return ready;
  // A hint counts only where every ready endpoint has one and one of them is for here: endpoints without hints
  // would otherwise be cut off, and a node or zone without any would lose the Service.
  if (ready.every((endpoint) => endpoint.nodeHints.length > 0)) {
    const here = ready.filter((endpoint) => endpoint.nodeHints.includes(node.nodeName));
    if (here.length > 0) return here;
  }
  if (node.zone !== '' && ready.every((endpoint) => endpoint.zoneHints.length > 0)) {
    const here = ready.filter((endpoint) => endpoint.zoneHints.includes(node.zone));
    if (here.length > 0) return here;
  }
  return ready;
}

function isServingTerminating(endpoint: Endpoint): boolean {
  return !endpoint.ready && endpoint.serving && endpoint.terminating;
}

/** Both lists hold elements of one sorted list; so does the result. */
function union(a: readonly Endpoint[], b: readonly Endpoint[]): readonly Endpoint[] {
  const all = new Set([...a, ...b]);
  if (all.size === a.length) return a;
  return [...all].sort((x, y) => compareText(endpointText(x), endpointText(y)));
}

/** The order of code units, which for addresses and names is that of bytes. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
