import { setImmediate } from 'node:timers/promises';
import type { Endpoint, Family, NodeFacts, ServicePort, ServicePortKey } from '../../rules/model.ts';
import { endpointText, FAMILIES } from '../../rules/model.ts';
import { chooseEndpoints, compareText, isExternallyAccessible } from '../../rules/topology.ts';
import type { Mode } from '../config/settings.ts';
import type { LostClaim } from '../tracker/claims.ts';
import type { Tracker } from '../tracker/tracker.ts';
import { type OwnedKey, serviceNames } from './service-names.ts';
import type { ServiceList, ServiceSummary, Trouble } from './state.ts';

export interface ServiceListSources {
  readonly mode: Mode;
  readonly tracker: Tracker;
  /** What the node is like in a family; undefined where that is not being programmed. */
  readonly node: (family: Family) => NodeFacts | undefined;
  readonly quarantined: ReadonlySet<ServicePortKey>;
}

export interface ServiceQuery {
  /** Words; a Service is found by all of them, in its names, ports or addresses. */
  readonly search: string;
  /** Only those that are in trouble. */
  readonly onlyTrouble: boolean;
  readonly limit: number;
}

/** Services looked into at a time: syncs come between. */
const CHUNK = 100;

/** Looks for Services. Takes a while in big clusters, and lets others work meanwhile. */
export async function serviceList(
  sources: ServiceListSources,
  query: ServiceQuery,
  signal: AbortSignal,
): Promise<ServiceList> {
  const services = [...serviceNames(sources.tracker)].sort(([a], [b]) => compareText(a, b));
  const words = query.search.toLowerCase().split(/\s+/).filter(Boolean);
  const items: ServiceSummary[] = [];
  let total = 0;
  let looked = 0;
  for (const [name, keys] of services) {
    const names = keys.map(({ key }) => key).join(' ');
    const left = words.filter((word) => !names.includes(word));
    // No address and no port is without a digit or a colon.
    if (left.some((word) => !/[\d:]/.test(word))) continue;
    const wanted = items.length < query.limit;
    if (!wanted && left.length === 0 && !query.onlyTrouble) {
      total++;
      continue;
    }
    if (++looked % CHUNK === 0) await setImmediate();
    if (signal.aborted) break;
    const ports = resolved(sources, keys);
    if (left.length > 0 && !isFoundBy(left, ports)) continue;
    const trouble = query.onlyTrouble || wanted ? troubleOf(sources, ports) : [];
    if (query.onlyTrouble && trouble.length === 0) continue;
    total++;
    if (wanted) items.push(summary(name, ports, trouble));
  }
  return { services: services.length, found: { total, items } };
}

interface Resolved {
  readonly servicePort: ServicePort;
  readonly lost: readonly LostClaim[];
}

function resolved({ tracker }: ServiceListSources, keys: readonly OwnedKey[]): readonly Resolved[] {
  return keys.map(({ family, key }) => tracker.resolve(family, key)).filter((port) => port !== undefined);
}

function isFoundBy(words: readonly string[], ports: readonly Resolved[]): boolean {
  const texts = ports.flatMap(({ servicePort }) => {
    const { clusterIP = '', externalIPs, loadBalancerIPs, port, nodePort, endpoints } = servicePort;
    const own = [clusterIP, ...externalIPs, ...loadBalancerIPs];
    const sockets = own.filter(Boolean).map((address) => `${address} ${address}:${port}`);
    return [...sockets, String(nodePort), ...endpoints.map(endpointText)];
  });
  return words.every((word) => texts.some((text) => text.includes(word)));
}

function troubleOf(
  { mode, node, quarantined }: ServiceListSources,
  ports: readonly Resolved[],
): readonly Trouble[] {
  const trouble = new Set<Trouble>();
  for (const { servicePort, lost } of ports) {
    const facts = node(servicePort.family);
    if (quarantined.has(servicePort.key)) trouble.add('quarantined');
    if (lost.length > 0) trouble.add('contested');
    if (!facts) continue;
    const { any, local } = chooseEndpoints(servicePort, facts);
    const { internalPolicyLocal, externalPolicyLocal } = servicePort;
    const wantsLocal = internalPolicyLocal || (externalPolicyLocal && isExternallyAccessible(servicePort));
    if (!any) trouble.add('no endpoints');
    // ipvs mode uses others then.
    else if (wantsLocal && local.length === 0 && mode !== 'ipvs') trouble.add('no local endpoints');
  }
  return [...trouble];
}

function summary(name: string, ports: readonly Resolved[], trouble: readonly Trouble[]): ServiceSummary {
  const [namespace = '', own = ''] = name.split('/');
  const all = endpointsOf(ports);
  const addresses = ports.map(({ servicePort }) => servicePort.clusterIP);
  return {
    namespace,
    name: own,
    clusterIPs: [...new Set(addresses)].filter((address) => address !== undefined),
    ports: [...new Set(ports.map(({ servicePort }) => portText(servicePort)))],
    endpoints: {
      total: all.length,
      ready: all.filter(({ ready }) => ready).length,
      local: all.filter(({ local }) => local).length,
    },
    trouble,
  };
}

/** Each address once, of the family that has more of them: a dual-stack Pod is one endpoint to people. */
function endpointsOf(ports: readonly Resolved[]): readonly Endpoint[] {
  const [ipv4 = [], ipv6 = []] = FAMILIES.map((family) => {
    const own = ports.filter(({ servicePort }) => servicePort.family === family);
    const endpoints = own.flatMap(({ servicePort }) => servicePort.endpoints);
    return [...new Map(endpoints.map((endpoint) => [endpoint.address, endpoint])).values()];
  });
  return ipv4.length >= ipv6.length ? ipv4 : ipv6;
}

function portText({ portName, port, protocol, nodePort }: ServicePort): string {
  // As kubectl prints ports.
  return `${portName && `${portName} `}${port}${nodePort === 0 ? '' : `:${nodePort}`}/${protocol}`;
}
