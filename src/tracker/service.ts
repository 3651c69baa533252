import { familyOf } from '../../rules/address.ts';
import { joined } from '../../rules/joined.ts';
import type { Address, Endpoint, Family, Protocol, ServicePort, ServicePortKey } from '../../rules/model.ts';
import { FAMILIES } from '../../rules/model.ts';
import type { Json } from './fields.ts';
import {
  asInteger,
  asObject,
  displayName,
  FAMILY_NAMES,
  given,
  isName,
  LABEL,
  labelsOf,
  mustBe,
  readIdentity,
  uidOf,
} from './fields.ts';
import { usableClusterIP, usableHostAddress } from './host-address.ts';
import { readIngress, readSourceRanges } from './load-balancer.ts';
import type { Report } from './problem.ts';
import { ObjectProblems } from './problem.ts';

/** What a Service asks of a node: its ServicePorts, by family, without endpoints. */
export interface ServiceSpec {
  /** `namespace/name`. */
  readonly key: string;
  /** metadata.uid. */
  readonly uid: string | undefined;
  readonly ports: readonly ServicePort[];
}

/** Services with this label belong to another proxy. */
const PROXY_NAME_LABEL = 'service.kubernetes.io/service-proxy-name';
/** sessionAffinityConfig.clientIP.timeoutSeconds: 3 hours unless given, at most a day. */
const DEFAULT_AFFINITY_SECONDS = 10800;
const MAX_AFFINITY_SECONDS = 86400;

const IGNORED = 'the Service is ignored';

/**
 * Reads a Service as the API serves it, or as a file has it without the API server's defaults.
 * @returns undefined for one that is not to be programmed: headless, ExternalName, another proxy's, or without a
 *   usable name.
 */
export function readService(raw: Json, report: Report): ServiceSpec | undefined {
  if (labelsOf(raw)[PROXY_NAME_LABEL] !== undefined) return undefined;
  const problems = new ObjectProblems('Service', displayName(raw, true), uidOf(raw), report);
  const identity = readIdentity(raw, LABEL, problems, IGNORED);
  if (!identity) return undefined;
  const { namespace, name } = identity;
  const metadata = asObject(raw['metadata']) ?? {};
  problems.object(metadata['labels'], 'metadata.labels', 'the Service is taken to have none');
  const spec = problems.object(raw['spec'], 'spec', IGNORED);
  const type = given(spec['type']) ?? 'ClusterIP';
  if (type === 'ExternalName') return undefined;
  if (type !== 'ClusterIP' && type !== 'NodePort' && type !== 'LoadBalancer') {
    problems.add('spec.type', 'ClusterIP, NodePort, LoadBalancer or ExternalName', type, IGNORED);
    return undefined;
  }
  const clusterIPs = readClusterIPs(spec, problems);
  if (!clusterIPs) return undefined;

  const externalIPs = readExternalIPs(spec, problems);
  const ranges = readSourceRanges(spec, problems);
  const ingress = readIngress(raw, problems);
  const hasExternal = type !== 'ClusterIP' || externalIPs.length > 0;
  const externalLocal = oneOf(spec, 'externalTrafficPolicy', ['Cluster', 'Local'], problems) === 'Local';
  const created = readTime(metadata['creationTimestamp']);
  const externalPolicyLocal = hasExternal && externalLocal;
  const internalPolicyLocal =
    oneOf(spec, 'internalTrafficPolicy', ['Cluster', 'Local'], problems) === 'Local';
  const affinitySeconds = readAffinity(spec, problems);
  const healthCheckNodePort =
    type === 'LoadBalancer' && externalLocal ? readHealthCheckNodePort(spec, problems) : 0;
  const key = joined(namespace, '/', name);
  const ports: ServicePort[] = [];
  for (const port of readPorts(spec, problems)) {
    for (const family of FAMILIES) {
      const clusterIP = clusterIPs.get(family);
      if (clusterIP === undefined) continue;
      const servicePortName = port.portName === '' ? key : joined(namespace, '/', name, ':', port.portName);
      // Written out: objects that are put together by spreading take twice the memory.
      ports.push({
        key: joined(servicePortName, '/', port.protocol) as ServicePortKey,
        name: servicePortName,
        namespace,
        service: name,
        portName: port.portName,
        family,
        protocol: port.protocol,
        created,
        port: port.port,
        nodePort: port.nodePort,
        healthCheckNodePort,
        clusterIP,
        externalIPs: ofFamily(externalIPs, family),
        loadBalancerIPs: ranges.known(family) ? ofFamily(ingress, family) : NO_ADDRESSES,
        sourceRanges: ranges.of(family),
        externalPolicyLocal,
        internalPolicyLocal,
        affinitySeconds,
        endpoints: NO_ENDPOINTS,
      });
    }
  }
  return { key, uid: uidOf(raw), ports: ports.slice() };
}

const NO_ADDRESSES: readonly Address[] = [];
const NO_ENDPOINTS: readonly Endpoint[] = [];

function ofFamily(addresses: readonly Address[], family: Family): readonly Address[] {
  return addresses.length === 0 ? NO_ADDRESSES : addresses.filter((address) => familyOf(address) === family);
}

/** undefined: headless, or nothing usable. */
function readClusterIPs(spec: Json, problems: ObjectProblems): ReadonlyMap<Family, Address> | undefined {
  const single = given(spec['clusterIP']);
  const list = problems.list(spec['clusterIPs'], 'spec.clusterIPs', 'spec.clusterIP is used');
  const texts = list.length > 0 ? list : [single];
  if (single === 'None' || texts[0] === 'None') return undefined;
  if (single === undefined && given(texts[0]) === undefined) return undefined;
  const families = readFamilies(spec, problems);
  const found = new Map<Family, Address>();
  for (const [i, text] of texts.entries()) {
    const field = list.length > 0 ? `spec.clusterIPs[${i}]` : 'spec.clusterIP';
    const cost = 'the Service is not programmed for this address';
    const address = usableClusterIP(text);
    const declared = families[i];
    if (typeof address !== 'string') {
      problems.add(field, address.must, text, cost);
    } else if (declared !== undefined && declared !== familyOf(address)) {
      const must = `an ${FAMILY_NAMES[declared]} address, as spec.ipFamilies[${i}] says`;
      problems.add(field, must, text, cost);
    } else if (found.has(familyOf(address))) {
      problems.add(field, 'of another family than the one before it', text, cost);
    } else {
      found.set(familyOf(address), address);
    }
  }
  return found.size > 0 ? found : undefined;
}

/** What spec.ipFamilies says of each cluster IP. */
function readFamilies(spec: Json, problems: ObjectProblems): readonly (Family | undefined)[] {
  const cost = 'the cluster IPs decide';
  return problems.list(spec['ipFamilies'], 'spec.ipFamilies', cost).map((name, i) => {
    const family = FAMILIES.find((candidate) => FAMILY_NAMES[candidate] === name);
    if (family === undefined) problems.add(`spec.ipFamilies[${i}]`, 'IPv4 or IPv6', name, cost);
    return family;
  });
}

type PortSpec = Pick<ServicePort, 'portName' | 'protocol' | 'port' | 'nodePort'>;

function readPorts(spec: Json, problems: ObjectProblems): readonly PortSpec[] {
  const list = spec['ports'] ?? undefined;
  if (!Array.isArray(list) || list.length === 0) {
    problems.add('spec.ports', 'a list of one port or more', list, IGNORED);
    return [];
  }
  const found: PortSpec[] = [];
  for (const [i, entry] of list.entries()) {
    const port = readPort(entry, `spec.ports[${i}]`, found, problems);
    if (port) found.push(port);
  }
  return found;
}

/** undefined, and one problem, where the port cannot be programmed. */
function readPort(
  entry: unknown,
  field: string,
  others: readonly PortSpec[],
  problems: ObjectProblems,
): PortSpec | undefined {
  const refuse = (where: string, must: string, value: unknown): undefined => {
    problems.add(where, must, value, 'the port is not programmed');
    return undefined;
  };
  const raw = asObject(entry);
  if (!raw) return refuse(field, 'an object', entry);
  const portName = raw['name'] ?? '';
  if (portName !== '' && !isName(portName, LABEL)) {
    return refuse(`${field}.name`, mustBe(LABEL, portName), portName);
  }
  const protocol = PROTOCOLS.get(given(raw['protocol']) ?? 'TCP');
  if (protocol === undefined) return refuse(`${field}.protocol`, 'TCP, UDP or SCTP', raw['protocol']);
  const port = asInteger(raw['port'], 1, 65535);
  if (port === undefined) return refuse(`${field}.port`, PORT_NUMBER, raw['port']);
  const nodePort = asInteger(raw['nodePort'] ?? 0, 0, 65535);
  if (nodePort === undefined) return refuse(`${field}.nodePort`, PORT_NUMBER, raw['nodePort']);
  const rivals = others.filter((other) => other.protocol === protocol);
  if (rivals.some((other) => other.portName === portName)) {
    return refuse(`${field}.name`, 'unique among the ports of the Service', given(portName));
  }
  if (rivals.some((other) => other.port === port)) {
    return refuse(
      `${field}.port`,
      `another than those of the ${protocol.toUpperCase()} ports before it`,
      port,
    );
  }
  return { portName, protocol, port, nodePort };
}

export const PORT_NUMBER = 'a whole number from 1 to 65535';

export const PROTOCOLS: ReadonlyMap<unknown, Protocol> = new Map([
  ['TCP', 'tcp'],
  ['UDP', 'udp'],
  ['SCTP', 'sctp'],
]);

function readExternalIPs(spec: Json, problems: ObjectProblems): readonly Address[] {
  const found = new Set<Address>();
  const list = problems.list(spec['externalIPs'], 'spec.externalIPs', 'it is ignored');
  for (const [i, text] of list.entries()) {
    const address = usableHostAddress(text);
    if (typeof address === 'string') found.add(address);
    else problems.add(`spec.externalIPs[${i}]`, address.must, text, 'the address is ignored');
  }
  return [...found];
}

function readAffinity(spec: Json, problems: ObjectProblems): number {
  if (oneOf(spec, 'sessionAffinity', ['None', 'ClientIP'], problems) !== 'ClientIP') return 0;
  const field = 'spec.sessionAffinityConfig';
  const cost = `${DEFAULT_AFFINITY_SECONDS} seconds are used`;
  const config = problems.object(spec['sessionAffinityConfig'], field, cost);
  const clientIP = problems.object(config['clientIP'], `${field}.clientIP`, cost);
  const value = clientIP['timeoutSeconds'] ?? DEFAULT_AFFINITY_SECONDS;
  const seconds = asInteger(value, 1, MAX_AFFINITY_SECONDS);
  if (seconds !== undefined) return seconds;
  const must = `a whole number from 1 to ${MAX_AFFINITY_SECONDS}`;
  problems.add(`${field}.clientIP.timeoutSeconds`, must, value, cost);
  return DEFAULT_AFFINITY_SECONDS;
}

/** The first of the values is the default. */
function oneOf(
  spec: Json,
  field: string,
  values: readonly [string, string],
  problems: ObjectProblems,
): string {
  const value = given(spec[field]) ?? values[0];
  if (typeof value === 'string' && values.includes(value)) return value;
  problems.add(`spec.${field}`, values.join(' or '), value, `${values[0]} is used`);
  return values[0];
}

function readHealthCheckNodePort(spec: Json, problems: ObjectProblems): number {
  const value = spec['healthCheckNodePort'] ?? 0;
  const port = asInteger(value, 0, 65535);
  if (port === undefined) problems.add('spec.healthCheckNodePort', PORT_NUMBER, value, 'it is ignored');
  return port ?? 0;
}

function readTime(value: unknown): number {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  // An object without a time is from a file that no API server has seen: older than nothing.
  return Number.isNaN(ms) ? Number.MAX_SAFE_INTEGER : ms;
}
