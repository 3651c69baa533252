import { isLoopback } from './address.ts';
import type { Address, NodeFacts, ProxySettings, ServicePort } from './model.ts';
import { endpointText } from './model.ts';
import { nodePortScope } from './node-ports.ts';

/** What of a UDP flow that the kernel tracks tells whether it still leads somewhere. */
export interface UdpFlow {
  /** The conntrack zone; 0 unless somebody sorts packets into others. */
  readonly zone: number;
  /** Where the client sends to. */
  readonly destination: Address;
  readonly port: number;
  /** Who answers: an endpoint, or the destination itself where nothing translated it. */
  readonly replySource: Address;
  readonly replyPort: number;
}

/** All flows that are alike in these respects. Without a reply: whoever answers. */
export type FlowSelector = Pick<UdpFlow, 'zone' | 'destination' | 'port'> &
  Partial<Pick<UdpFlow, 'replySource' | 'replyPort'>>;

/** The destinations of UDP ServicePorts of one IP family, each with the endpoints that may answer for it. */
export interface UdpDestinations {
  readonly serving: EndpointsByDestination;
  /** Destinations that no ServicePort has any longer, with the endpoints that answered for them last. */
  readonly departed: EndpointsByDestination;
  readonly isNodePortAddress: (address: Address) => boolean;
}

/** Keys are `ADDRESS PORT`, or `* PORT` for a node port; endpoints are written as `endpointText` does. */
type EndpointsByDestination = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * What UDP flows may lead to.
 * @param servicePorts all of the family; only UDP ones count
 * @param before the result of the last call: its destinations that are here no more have departed
 */
export function udpDestinations(
  servicePorts: Iterable<ServicePort>,
  node: NodeFacts,
  settings: ProxySettings,
  before?: UdpDestinations,
): UdpDestinations {
  const serving = new Map<string, ReadonlySet<string>>();
  for (const servicePort of servicePorts) {
    if (servicePort.protocol !== 'udp') continue;
    // Neither policies nor hints count: they choose endpoints for new flows, and running ones keep theirs.
    const endpoints = servicePort.endpoints.filter((endpoint) => endpoint.ready || endpoint.serving);
    const texts = new Set(endpoints.map(endpointText));
    for (const key of destinationKeys(servicePort)) serving.set(key, texts);
  }
  const departed = new Map<string, ReadonlySet<string>>();
  for (const [key, endpoints] of [...(before?.departed ?? []), ...(before?.serving ?? [])]) {
    if (!serving.has(key) && endpoints.size > 0) departed.set(key, endpoints);
  }
  return { serving, departed, isNodePortAddress: nodePortAddresses(node, settings) };
}

/** The same destinations after the flows to those that departed were dealt with. */
export function withoutDeparted(destinations: UdpDestinations): UdpDestinations {
  return { ...destinations, departed: new Map() };
}

/**
 * Whether the flow goes to a destination of ours and its reply comes from no serving endpoint of that ServicePort:
 * its packets are lost for as long as the client keeps sending.
 * @returns what selects this flow, together with others that are stale for the same reason; undefined: keep it
 */
export function staleFlows(flow: UdpFlow, destinations: UdpDestinations): FlowSelector | undefined {
  const { zone, destination, port, replySource, replyPort } = flow;
  const isTranslated = replySource !== destination || replyPort !== port;
  // In other zones, flows to Services may be tracked once more on their way here, before they are translated: by a
  // virtual switch, for example.
  if (zone !== 0 && !isTranslated) return undefined;

  const exact = `${destination} ${port}`;
  const nodePort = destinations.isNodePortAddress(destination) ? `* ${port}` : exact;
  const answer = endpointText({ address: replySource, port: replyPort });
  const selector = { zone, destination, port, replySource, replyPort };
  const endpoints = destinations.serving.get(exact) ?? destinations.serving.get(nodePort);
  if (endpoints) {
    if (endpoints.has(answer)) return undefined;
    return endpoints.size === 0 && zone === 0 ? { zone, destination, port } : selector;
  }
  // What was never sent to one of our endpoints may be traffic to whoever has the address now.
  const last = destinations.departed.get(exact) ?? destinations.departed.get(nodePort);
  return last?.has(answer) ? selector : undefined;
}

/** Whether all that was selected would be selected again: endpoints may have come back since. */
export function isStillStale(selector: FlowSelector, destinations: UdpDestinations): boolean {
  const { destination, port } = selector;
  const again = staleFlows({ replySource: destination, replyPort: port, ...selector }, destinations);
  return again !== undefined && (selector.replySource !== undefined || again.replySource === undefined);
}

function destinationKeys(servicePort: ServicePort): readonly string[] {
  const { clusterIP, externalIPs, loadBalancerIPs, port, nodePort } = servicePort;
  const addresses = [...(clusterIP === undefined ? [] : [clusterIP]), ...externalIPs, ...loadBalancerIPs];
  const keys = addresses.map((address) => `${address} ${port}`);
  return nodePort === 0 ? keys : [...keys, `* ${nodePort}`];
}

function nodePortAddresses(node: NodeFacts, settings: ProxySettings): (address: Address) => boolean {
  const scope = nodePortScope(node, settings);
  const addresses = new Set(scope.kind === 'all' ? node.localAddresses : scope.addresses);
  // All of 127.0.0.0/8 is local, whatever addresses the loopback interface shows.
  return (address) => (isLoopback(address) ? scope.localhost : addresses.has(address));
}
