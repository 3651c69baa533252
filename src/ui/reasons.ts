import type { Endpoint, NodeFacts, ServicePort } from '../../rules/model.ts';
import type { Policy, Way } from './state.ts';

/** Why there is no endpoint for packets, for people. */
export function lackReason(servicePort: ServicePort, kind: Way['kind'], verdict: 'drop' | 'reject'): string {
  const { endpoints } = servicePort;
  if (verdict === 'drop') {
    const field = kind === 'cluster IP' ? 'internalTrafficPolicy' : 'externalTrafficPolicy';
    return `${field}: Local, and no endpoint on this node takes traffic; ${elsewhere(endpoints)}`;
  }
  if (endpoints.length === 0) return 'it has no endpoints';
  return endpoints.length === 1
    ? 'its one endpoint is not ready'
    : `none of its ${endpoints.length} endpoints is ready`;
}

/** Why it is these endpoints and not all ready ones, for people; empty where it is all of them. */
export function choiceReason(
  servicePort: ServicePort,
  node: NodeFacts,
  choice: { readonly policy: Policy; readonly endpoints: readonly Endpoint[]; readonly useOthers: boolean },
): string {
  const { policy, endpoints, useOthers } = choice;
  const ready = servicePort.endpoints.filter((endpoint) => endpoint.ready);
  const reasons: string[] = [];
  if (useOthers) reasons.push('no endpoint on this node takes traffic: ipvs mode uses those elsewhere');
  if (endpoints.every((endpoint) => !endpoint.ready)) {
    const where = policy === 'Local' && !useOthers ? ' on this node' : '';
    reasons.push(`no endpoint${where} is ready: those that still serve while they terminate are used`);
  } else if (policy === 'Local' && !useOthers) {
    if (endpoints.length < ready.length) reasons.push('only endpoints on this node, as the policy is Local');
  } else if (endpoints.length < ready.length) {
    const byNode = endpoints.every((endpoint) => endpoint.nodeHints.includes(node.nodeName));
    reasons.push(
      `topology hints keep traffic ${byNode ? 'on this node' : `in zone ${node.zone}`}: ${endpoints.length} of ${ready.length} ready endpoints`,
    );
  }
  return reasons.join('; ');
}

const NODES_NAMED = 3;

function elsewhere(endpoints: readonly Endpoint[]): string {
  const usable = endpoints.filter(({ ready, serving, terminating }) => ready || (serving && terminating));
  const nodes = [...new Set(usable.map(({ nodeName }) => nodeName).filter((name) => name !== undefined))];
  if (nodes.length === 0) return 'others are elsewhere';
  const named = nodes.slice(0, NODES_NAMED).join(', ');
  const more = nodes.length - NODES_NAMED;
  return `others are on ${named}${more > 0 ? ` and ${more} more nodes` : ''}`;
}
