import { familyOf, parseAddress, parseCidr, prefixLength } from '../../rules/address.ts';
import type { Address, Cidr, Family, Protocol, ServicePort, ServicePortKey } from '../../rules/model.ts';
import { FAMILIES } from '../../rules/model.ts';
import type { Json } from './fields.ts';
import {
  asInteger,
  asList,
  asObject,
  asString,
  displayName,
  isLabel,
  LABEL_RULE,
  labelsOf,
} from './fields.ts';
import { usableHostAddress } from './host-address.ts';
import type { Report } from './problem.ts';
import { ObjectProblems } from './problem.ts';

/** What a Service asks of a node: its ServicePorts, by family, without endpoints. */
export interface ServiceSpec {
  /** `namespace/name`. */
  readonly key: string;
  readonly ports: readonly ServicePort[];
}

/** Services with this label belong to another proxy. */
const PROXY_NAME_LABEL = 'service.kubernetes.io/service-proxy-name';
/** sessionAffinityConfig.clientIP.timeoutSeconds: 3 hours unless given, at most a day. */
const DEFAULT_AFFINITY_SECONDS = 10800;
const MAX_AFFINITY_SECONDS = 86400;

/**
 * Reads a Service as the API serves it, or as a file has it without the API server's defaults.
 * @returns undefined for one that is not to be programmed: headless, ExternalName, another proxy's, or without a
 *   usable name.
 */
export function readService(raw: Json, report: Report): ServiceSpec | undefined {
  const problems = new ObjectProblems('Service', displayName(raw, true), report);
  const metadata = asObject(raw['metadata']) ?? {};
  const spec = asObject(raw['spec']) ?? {};
  const names = readNames(metadata, problems);
  if (!names || labelsOf(raw)[PROXY_NAME_LABEL] !== undefined) return undefined;
  const { namespace, name } = names;
  const type = spec['type'] ?? 'ClusterIP';
  if (type === 'ExternalName') return undefined;
  if (type !== 'ClusterIP' && type !== 'NodePort' && type !== 'LoadBalancer') {
    problems.add(
      'spec.type',
      'ClusterIP, NodePort, LoadBalancer or ExternalName',
      type,
      'the Service is ignored',
    );
    return undefined;
  }
  const clusterIPs = readClusterIPs(spec, problems);
  if (!clusterIPs) return undefined;

  const externalIPs = readAddresses(spec['externalIPs'], 'spec.externalIPs', problems);
  const ranges = readSourceRanges(spec, problems);
  const ingress = readIngress(raw, problems);
  const hasExternal = type !== 'ClusterIP' || externalIPs.length > 0;
  const externalLocal = oneOf(spec, 'externalTrafficPolicy', ['Cluster', 'Local'], problems) === 'Local';
  const common = {
    namespace,
    service: name,
    created: readTime(metadata['creationTimestamp']),
    externalPolicyLocal: hasExternal && externalLocal,
    internalPolicyLocal: oneOf(spec, 'internalTrafficPolicy', ['Cluster', 'Local'], problems) === 'Local',
    affinitySeconds: readAffinity(spec, problems),
    healthCheckNodePort:
      type === 'LoadBalancer' && externalLocal
        ? readOptionalPort(spec, 'healthCheckNodePort', 'spec.', problems)
        : 0,
    endpoints: [],
  };
  const ports: ServicePort[] = [];
  for (const port of readPorts(spec, problems)) {
    for (const family of FAMILIES) {
      const clusterIP = clusterIPs.get(family);
      if (clusterIP === undefined) continue;
      const servicePortName = `${namespace}/${name}${port.portName === '' ? '' : `:${port.portName}`}`;
      ports.push({
        ...common,
        ...port,
        key: `${servicePortName}/${port.protocol}` as ServicePortKey,
        name: servicePortName,
        family,
        clusterIP,
        externalIPs: externalIPs.filter((address) => familyOf(address) === family),
        loadBalancerIPs: ranges.refuseAll ? [] : ingress.filter((address) => familyOf(address) === family),
        sourceRanges: ranges.of(family),
      });
    }
  }
  return { key: `${namespace}/${name}`, ports };
}

function readNames(
  metadata: Json,
  problems: ObjectProblems,
): { namespace: string; name: string } | undefined {
  const { namespace = 'default', name } = metadata;
  const cost = 'the Service is ignored';
  for (const [field, value] of Object.entries({ namespace, name })) {
    const text = asString(value);
    if (text !== undefined && isLabel(text)) continue;
    problems.add(`metadata.${field}`, LABEL_RULE, value, cost);
    return undefined;
  }
  return { namespace: String(namespace), name: String(name) };
}

/** undefined: headless, or nothing usable. */
function readClusterIPs(spec: Json, problems: ObjectProblems): ReadonlyMap<Family, Address> | undefined {
  const single = spec['clusterIP'] ?? '';
  const list = asList(spec['clusterIPs']);
  if (list === undefined) {
    problems.add('spec.clusterIPs', 'a list of IP addresses', spec['clusterIPs'], 'the Service is ignored');
    return undefined;
  }
  const texts = list.length > 0 ? list : [single];
  if (single === 'None' || texts[0] === 'None' || (single === '' && texts[0] === '')) return undefined;
  const families = asList(spec['ipFamilies']) ?? [];
  const found = new Map<Family, Address>();
  for (const [i, text] of texts.entries()) {
    const field = list.length > 0 ? `spec.clusterIPs[${i}]` : 'spec.clusterIP';
    const address = typeof text === 'string' ? parseAddress(text) : undefined;
    const declared = families[i];
    if (address === undefined) {
      problems.add(field, 'an IP address', text, 'the Service is not programmed for it');
    } else if (declared !== undefined && declared !== FAMILY_NAMES[familyOf(address)]) {
      problems.add(
        field,
        `of family ${String(declared)}, as spec.ipFamilies[${i}] says`,
        text,
        'the Service is not programmed for it',
      );
    } else if (!found.has(familyOf(address))) {
      found.set(familyOf(address), address);
    }
  }
  return found.size > 0 ? found : undefined;
}

const FAMILY_NAMES = { ipv4: 'IPv4', ipv6: 'IPv6' } as const;

type PortSpec = Pick<ServicePort, 'portName' | 'protocol' | 'port' | 'nodePort'>;

function readPorts(spec: Json, problems: ObjectProblems): readonly PortSpec[] {
  const list = asList(spec['ports']);
  if (list === undefined) problems.add('spec.ports', 'a list', spec['ports'], 'the Service is ignored');
  const found: PortSpec[] = [];
  const cost = 'the port is not programmed';
  for (const [i, entry] of (list ?? []).entries()) {
    const field = `spec.ports[${i}]`;
    const port = asObject(entry);
    if (!port) {
      problems.add(field, 'an object', entry, cost);
      continue;
    }
    const portName = port['name'] ?? '';
    const protocol = PROTOCOLS.get(port['protocol'] ?? 'TCP');
    const number = asInteger(port['port'], 1, 65535);
    if (typeof portName !== 'string' || (portName !== '' && !isLabel(portName))) {
      problems.add(`${field}.name`, LABEL_RULE, portName, cost);
    } else if (protocol === undefined) {
      problems.add(`${field}.protocol`, 'TCP, UDP or SCTP', port['protocol'], cost);
    } else if (number === undefined) {
      problems.add(`${field}.port`, 'a whole number from 1 to 65535', port['port'], cost);
    } else if (found.some((other) => other.portName === portName && other.protocol === protocol)) {
      problems.add(`${field}.name`, 'unique in the Service', portName, cost);
    } else {
      const nodePort =
        port['nodePort'] === undefined || port['nodePort'] === null
          ? 0
          : asInteger(port['nodePort'], 0, 65535);
      if (nodePort === undefined) {
        problems.add(`${field}.nodePort`, 'a whole number from 1 to 65535', port['nodePort'], cost);
      } else {
        found.push({ portName, protocol, port: number, nodePort });
      }
    }
  }
  return found;
}

export const PROTOCOLS: ReadonlyMap<unknown, Protocol> = new Map([
  ['TCP', 'tcp'],
  ['UDP', 'udp'],
  ['SCTP', 'sctp'],
]);

function readAddresses(value: unknown, field: string, problems: ObjectProblems): readonly Address[] {
  const list = asList(value);
  if (list === undefined) problems.add(field, 'a list of IP addresses', value, 'it is ignored');
  const found = new Set<Address>();
  for (const [i, text] of (list ?? []).entries()) {
    const address = usableHostAddress(text);
    if (typeof address === 'string') found.add(address);
    else problems.add(`${field}[${i}]`, address.must, text, 'the address is ignored');
  }
  return [...found];
}

interface SourceRanges {
  readonly of: (family: Family) => readonly Cidr[];
  /** Ranges were given and none of them can be read: letting everybody in would be the opposite of what was meant. */
  readonly refuseAll: boolean;
}

function readSourceRanges(spec: Json, problems: ObjectProblems): SourceRanges {
  const field = 'spec.loadBalancerSourceRanges';
  const list = asList(spec['loadBalancerSourceRanges']);
  if (list === undefined)
    problems.add(
      field,
      'a list of CIDRs',
      spec['loadBalancerSourceRanges'],
      'load balancer addresses are not served',
    );
  const found = new Set<Cidr>();
  for (const [i, text] of (list ?? []).entries()) {
    const cidr = typeof text === 'string' ? parseCidr(text) : undefined;
    if (cidr) found.add(cidr);
    else problems.add(`${field}[${i}]`, 'a CIDR such as 192.0.2.0/24', text, 'the range is ignored');
  }
  const refuseAll = list === undefined || (list.length > 0 && found.size === 0);
  if (list !== undefined && refuseAll) {
    problems.add(field, 'CIDRs', list, 'load balancer addresses are not served, as no range is left');
  }
  return {
    refuseAll,
    of: (family) => {
      const ranges = [...found].filter((cidr) => familyOf(cidr) === family);
      return ranges.some((cidr) => prefixLength(cidr) === 0) ? [] : ranges;
    },
  };
}

function readIngress(raw: Json, problems: ObjectProblems): readonly Address[] {
  const field = 'status.loadBalancer.ingress';
  const status = asObject(asObject(raw['status'])?.['loadBalancer']);
  const list = asList(status?.['ingress']);
  if (list === undefined) problems.add(field, 'a list', status?.['ingress'], 'it is ignored');
  const found = new Set<Address>();
  for (const [i, entry] of (list ?? []).entries()) {
    const { ip = '', ipMode = 'VIP' } = asObject(entry) ?? {};
    // A host name alone is for DNS; with ipMode Proxy the load balancer speaks to node ports itself.
    if (ip === '' || ip === null || ipMode === 'Proxy') continue;
    const address = typeof ip === 'string' ? parseAddress(ip) : undefined;
    if (address === undefined) {
      problems.add(`${field}[${i}].ip`, 'an IP address', ip, 'the address is ignored');
    } else if (ipMode !== 'VIP' && ipMode !== null) {
      problems.add(`${field}[${i}].ipMode`, 'VIP or Proxy', ipMode, 'the address is ignored');
    } else {
      found.add(address);
    }
  }
  return [...found];
}

function readAffinity(spec: Json, problems: ObjectProblems): number {
  if (oneOf(spec, 'sessionAffinity', ['None', 'ClientIP'], problems) !== 'ClientIP') return 0;
  const config = asObject(asObject(spec['sessionAffinityConfig'])?.['clientIP']);
  const value = config?.['timeoutSeconds'] ?? DEFAULT_AFFINITY_SECONDS;
  const seconds = asInteger(value, 1, MAX_AFFINITY_SECONDS);
  if (seconds !== undefined) return seconds;
  problems.add(
    'spec.sessionAffinityConfig.clientIP.timeoutSeconds',
    `a whole number from 1 to ${MAX_AFFINITY_SECONDS}`,
    value,
    `${DEFAULT_AFFINITY_SECONDS} is used`,
  );
  return DEFAULT_AFFINITY_SECONDS;
}

/** The first of the values is the default. */
function oneOf(
  spec: Json,
  field: string,
  values: readonly [string, string],
  problems: ObjectProblems,
): string {
  const value = spec[field] ?? values[0];
  if (value === '' || value === null) return values[0];
  if (typeof value === 'string' && values.includes(value)) return value;
  problems.add(`spec.${field}`, values.join(' or '), value, `${values[0]} is used`);
  return values[0];
}

function readOptionalPort(spec: Json, field: string, prefix: string, problems: ObjectProblems): number {
  const value = spec[field] ?? 0;
  const port = asInteger(value, 0, 65535);
  if (port === undefined)
    problems.add(prefix + field, 'a whole number from 1 to 65535', value, 'it is ignored');
  return port ?? 0;
}

function readTime(value: unknown): number {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  // An object without a time is from a file that no API server has seen: older than nothing.
  return Number.isNaN(ms) ? Number.MAX_SAFE_INTEGER : ms;
}
