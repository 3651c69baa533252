import type { Endpoint, NodeFacts, ServicePort } from '../../../../rules/model.ts';
import { chooseEndpoints, isExternallyAccessible, usesClusterEndpoints } from '../../../../rules/topology.ts';
import type { Mode } from '../../../config/settings.ts';
import type { LostClaim } from '../../../tracker/claims.ts';
import { failed, NotKnown, ok, type Result, warning } from '../check.ts';
import { counted, summed } from '../words.ts';

/** Whether traffic under a Local policy finds an endpoint on this node. */
export function localEndpoints(
  servicePorts: readonly ServicePort[],
  node: Pick<NodeFacts, 'nodeName' | 'zone'>,
  mode: Mode,
): Result {
  const facts = {
    localAddresses: [],
    podCIDRs: [],
    serviceCIDRs: [],
    nodeIP: '' as NodeFacts['nodeIP'],
    ...node,
  };
  const own = servicePorts.filter(
    (port) => port.internalPolicyLocal || (port.externalPolicyLocal && isExternallyAccessible(port)),
  );
  if (own.length === 0) throw new NotKnown('no policy of it is Local');
  let note = '';
  for (const port of own) {
    const { local, any } = chooseEndpoints(port, facts);
    if (local.length > 0 || !any) continue;
    const where = `endpoints are on ${nodesOf(port.endpoints)}`;
    if (mode === 'ipvs' && usesClusterEndpoints(port)) {
      note ||= `none on this node; ipvs mode sends to those elsewhere (${where})`;
      continue;
    }
    if (port.internalPolicyLocal) {
      return failed(
        `internalTrafficPolicy: Local and no ready endpoint on this node: what its Pods send to ${port.name} is dropped; ${where}`,
        `run an endpoint on every node (a DaemonSet), or: ${patch(port, 'internalTrafficPolicy')}`,
      );
    }
    const evidence = `externalTrafficPolicy: Local and no ready endpoint on this node: what comes from outside for ${port.name} is dropped; ${where}`;
    const advice = `send to those nodes, or: ${patch(port, 'externalTrafficPolicy')}`;
    // Load balancers ask by that port, and leave this node out.
    if (port.healthCheckNodePort !== 0 && port.externalIPs.length === 0) return warning(evidence, advice);
    return failed(evidence, advice);
  }
  if (note !== '') return ok(note);
  if (own.every((port) => !chooseEndpoints(port, facts).any)) throw new NotKnown('no endpoints anywhere');
  const count = new Set(
    own.flatMap((port) => chooseEndpoints(port, facts).local.map(({ address }) => address)),
  );
  return ok(`${counted(count.size, 'endpoint')} on this node: ${summed([...count])}`);
}

function nodesOf(endpoints: readonly Endpoint[]): string {
  const names = endpoints.filter(({ ready, serving }) => ready || serving).map(({ nodeName }) => nodeName);
  return summed([...new Set(names.map((name) => name ?? 'no known node'))], 5);
}

function patch({ namespace, service }: ServicePort, field: string): string {
  return `kubectl patch service -n ${namespace} ${service} -p '{"spec":{"${field}":"Cluster"}}'`;
}

/**
 * Who has addresses and node ports that several Services name.
 * @param lost of all Services
 * @param service `namespace/name`; undefined: all
 */
export function unclashed(lost: readonly LostClaim[], service: string | undefined): Result {
  const isOwn = (key: string): boolean => service === undefined || serviceOf(key) === service;
  const without = lost.find(({ loser }) => isOwn(loser));
  const more = lost.length > 1 && service === undefined ? ` (and ${lost.length - 1} more)` : '';
  if (without) {
    const { loser, winner, what } = without;
    return failed(
      `${what} goes to ${winner}, which is older: ${loser} does not get it${more}`,
      `give one of the two another: kubectl edit service -n ${loser.split('/')[0]} ${serviceOf(loser).split('/')[1]}`,
    );
  }
  const taken = lost.find(({ winner }) => isOwn(winner));
  if (taken) {
    const { loser, winner, what } = taken;
    return warning(
      `${what} goes to ${winner}, and ${loser}, which is younger, wants it too; kube-proxy leaves it to chance`,
      `give ${loser} another`,
    );
  }
  return ok('no address and port is claimed twice');
}

/** `namespace/name` of `namespace/name:port/protocol`. */
export function serviceOf(key: string): string {
  return key.slice(0, key.lastIndexOf('/')).split(':')[0] ?? '';
}
