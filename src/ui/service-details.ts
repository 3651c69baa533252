import type { Family, ServicePort } from '../../rules/model.ts';
import { endpointText } from '../../rules/model.ts';
import { compareText } from '../../rules/topology.ts';
import type { Quarantined } from '../quarantine.ts';
import type { LostClaim } from '../tracker/claims.ts';
import type { Tracker } from '../tracker/tracker.ts';
import { contestedClaim, quarantinedServicePort } from './node-state.ts';
import { type PathContext, ways } from './paths.ts';
import { serviceNames } from './service-names.ts';
import type { EndpointDetails, ServiceDetails, ServicePortDetails } from './state.ts';
import type { SyncHistory } from './sync-history.ts';

export interface ServiceDetailsSources {
  readonly tracker: Tracker;
  /** What paths depend on in a family; undefined where that is not being programmed. */
  readonly context: (family: Family) => PathContext | undefined;
  readonly quarantined: (family: Family) => readonly Quarantined[];
  readonly history: SyncHistory;
}

/** Syncs that are listed with a Service. */
const SYNCS = 20;

/** One Service with the ways of its packets. Without ServicePorts: there is none, or none that is programmed. */
export function serviceDetails(
  { tracker, context, quarantined, history }: ServiceDetailsSources,
  namespace: string,
  name: string,
): ServiceDetails {
  const keys = serviceNames(tracker).get(`${namespace}/${name}`) ?? [];
  const servicePorts = keys.flatMap(({ family, key }) => {
    const found = tracker.resolve(family, key);
    const own = quarantined(family).find(({ servicePort }) => servicePort === key);
    return found ? [details(found, context(family), own)] : [];
  });
  servicePorts.sort(
    (a, b) => a.port - b.port || compareText(a.key, b.key) || compareText(a.family, b.family),
  );
  return {
    namespace,
    name,
    servicePorts,
    syncs: history.concerning(new Set(keys.map(({ key }) => key))).slice(0, SYNCS),
  };
}

function details(
  { servicePort, lost }: { readonly servicePort: ServicePort; readonly lost: readonly LostClaim[] },
  context: PathContext | undefined,
  quarantined: Quarantined | undefined,
): ServicePortDetails {
  const { key, family, portName, protocol, port, affinitySeconds, healthCheckNodePort } = servicePort;
  return {
    key,
    family,
    portName,
    protocol,
    port,
    affinitySeconds,
    healthCheckNodePort,
    internalPolicy: servicePort.internalPolicyLocal ? 'Local' : 'Cluster',
    externalPolicy: servicePort.externalPolicyLocal ? 'Local' : 'Cluster',
    quarantined: quarantined && quarantinedServicePort(quarantined),
    contested: lost.map(contestedClaim),
    ways: context ? ways(servicePort, context) : [],
    endpoints: servicePort.endpoints.map(endpointDetails),
  };
}

function endpointDetails(endpoint: ServicePort['endpoints'][number]): EndpointDetails {
  const { local, nodeName, ready, serving, terminating, zoneHints, nodeHints } = endpoint;
  const state = ready ? 'ready' : serving && terminating ? 'terminating' : 'not ready';
  return { endpoint: endpointText(endpoint), local, nodeName, state, zoneHints, nodeHints };
}
