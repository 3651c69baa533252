import { cidrContains } from '../../../rules/address.ts';
import type { Endpoint, NodeFacts, ServicePort } from '../../../rules/model.ts';
import { endpointText } from '../../../rules/model.ts';
import { chooseEndpoints } from '../../../rules/topology.ts';
import type { Packet } from '../../../rules/trace/packet.ts';
import type { Outcome, Step } from '../../../rules/trace/trace.ts';
import { listing } from '../../config/kinds.ts';
import type { Mode } from '../../config/settings.ts';
import type { KnownCluster } from './cluster.ts';
import { commentOf, isProxys, ruleText } from './evidence.ts';
import type { NodeView } from './node-view.ts';
import { neighbourText, type ServiceWay } from './service-at.ts';

/** What the words about a packet come from. */
export interface Circumstances {
  readonly packet: Packet;
  /** Of the rules. */
  readonly mode: Mode;
  readonly view: NodeView;
  readonly cluster: KnownCluster | undefined;
  /** The Service that the packet is for. */
  readonly way: ServiceWay | undefined;
}

/** Why a packet is dropped or rejected. */
export function refusalReason({ steps }: Outcome, circumstances: Circumstances): string {
  const last = steps.at(-1);
  if (!last) return 'no rule says why';
  if (!isProxys(last)) return `by a rule that is none of the proxy's: ${ruleText(last)}`;
  const { way, cluster, packet, view } = circumstances;
  if (way && view.facts)
    return serviceReason(last, way, view.facts, circumstances) ?? disagreement(last, way, circumstances);
  const to = { address: packet.destination, port: packet.port, protocol: packet.protocol };
  return (cluster && neighbourText(to, view, cluster)) ?? told(last, circumstances);
}

/** undefined: as far as the cluster is known, there is no reason. */
function serviceReason(
  last: Step,
  { servicePort, access }: ServiceWay,
  facts: NodeFacts,
  { packet, cluster }: Circumstances,
): string | undefined {
  const { sourceRanges } = servicePort;
  const isGuarded = access === 'load balancer IP' && sourceRanges.length > 0;
  if (isGuarded && isFirewall(last) && !sourceRanges.some((range) => cidrContains(range, packet.source))) {
    return `loadBalancerSourceRanges ${sourceRanges.join(', ')} do not include ${packet.source}`;
  }
  const choice = chooseEndpoints(servicePort, facts);
  const nameOf = (endpoint: Endpoint) =>
    cluster?.names.podAt(endpoint.address)?.pod ?? endpointText(endpoint);
  if (!choice.any) return noEndpoint(servicePort, nameOf);
  const policy = access === 'cluster IP' ? 'internal' : 'external';
  const isLocal = policy === 'internal' ? servicePort.internalPolicyLocal : servicePort.externalPolicyLocal;
  if (!isLocal || choice.local.length > 0) return undefined;
  const usable = servicePort.endpoints.filter(({ ready, serving }) => ready || serving);
  return `${policy}TrafficPolicy: Local and no ready endpoint on this node; ${whereabouts(usable)}`;
}

function isFirewall({ chain, table }: Step): boolean {
  return /firewall|KUBE-FW-|KUBE-IPVS-OUT-FILTER/i.test(`${table} ${chain}`);
}

function noEndpoint({ endpoints }: ServicePort, nameOf: (endpoint: Endpoint) => string): string {
  if (endpoints.length === 0) return 'no endpoint: no Pod backs this port of the Service';
  const terminating = endpoints.filter((endpoint) => endpoint.terminating);
  const names = endpoints.slice(0, SHOWN).map(nameOf);
  const more = endpoints.length > SHOWN ? ` and ${endpoints.length - SHOWN} more` : '';
  const also = terminating.length > 0 ? `, ${terminating.length} of them terminating` : '';
  return `no ready endpoint: ${endpoints.length} not ready${also} (${names.join(', ')}${more})`;
}

const SHOWN = 5;

/** `endpoints are on node-2 and node-3`. */
export function whereabouts(endpoints: readonly Endpoint[]): string {
  const nodes = [...new Set(endpoints.map(({ nodeName }) => nodeName ?? 'no known node'))].sort();
  const shown = nodes.slice(0, SHOWN);
  if (nodes.length > SHOWN) shown.push(`${nodes.length - SHOWN} more nodes`);
  return `endpoints are on ${listing(shown, 'and')}`;
}

/** Rules that are not those of this cluster, or not any more. */
function disagreement(last: Step, { servicePort }: ServiceWay, circumstances: Circumstances): string {
  const ready = servicePort.endpoints.filter((endpoint) => endpoint.ready).length;
  const but = `the cluster has ${ready} ready endpoints for ${servicePort.name}`;
  return `${told(last, circumstances)}; but ${but}: these are not the rules that this node should have (see fairlead diff)`;
}

/** Where only the rules are known: what they say of themselves. */
function told(step: Step, { packet }: Circumstances): string {
  if (step.table === 'ipvs') return `virtual server ${step.chain} has ${step.rule}`;
  const comment = commentOf(step) ?? '';
  const [, closed] = /^(\S+) traffic not accepted by KUBE-FW-/.exec(comment) ?? [];
  if (closed !== undefined)
    return `the loadBalancerSourceRanges of ${closed} do not include ${packet.source}`;
  const [, local] = /^(\S+) has no local endpoints$/.exec(comment) ?? [];
  if (local !== undefined) return `${local} has the policy Local, and no ready endpoint on this node`;
  const [, none] = /^(\S+) has no endpoints$/.exec(comment) ?? [];
  if (none !== undefined) return `${none} has no ready endpoint`;
  const [, guarded] = /^firewall-\w+-(.+)$/.exec(step.chain) ?? [];
  if (guarded !== undefined)
    return `the loadBalancerSourceRanges of ${guarded} do not include ${packet.source}`;
  if (step.chain === 'reject-chain') return 'the Service has no ready endpoint';
  if (step.chain.endsWith('-endpoints-check')) {
    return 'the Service has the policy Local, and no ready endpoint on this node';
  }
  return comment === '' ? `by the rule ${ruleText(step)}` : `the rule says "${comment}"`;
}
