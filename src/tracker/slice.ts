import { familyOf } from '../../rules/address.ts';
import type { Address, Family, Protocol } from '../../rules/model.ts';
import type { Json } from './fields.ts';
import {
  asInteger,
  asList,
  asObject,
  asString,
  displayName,
  isLabel,
  isSubdomain,
  LABEL_RULE,
  labelsOf,
  SUBDOMAIN_RULE,
} from './fields.ts';
import { usableHostAddress } from './host-address.ts';
import type { Report } from './problem.ts';
import { ObjectProblems } from './problem.ts';
import { PROTOCOLS } from './service.ts';

/** What is kept of an EndpointSlice. */
export interface Slice {
  /** `namespace/name`. */
  readonly key: string;
  /** `namespace/name` of its Service. */
  readonly service: string;
  readonly family: Family;
  readonly endpoints: readonly SliceEndpoint[];
  readonly ports: readonly SlicePort[];
}

export interface SliceEndpoint {
  readonly address: Address;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  readonly nodeName: string | undefined;
  readonly zoneHints: readonly string[];
  readonly nodeHints: readonly string[];
}

export interface SlicePort {
  readonly name: string;
  readonly protocol: Protocol;
  readonly port: number;
}

const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';
const HEADLESS_LABEL = 'service.kubernetes.io/headless';
const NONE: readonly string[] = [];

/**
 * Reads an EndpointSlice (discovery.k8s.io/v1).
 * @returns undefined for one that is not to be used: of a headless Service, of no Service, of host names, or without
 *   a usable name.
 */
export function readSlice(raw: Json, report: Report): Slice | undefined {
  const problems = new ObjectProblems('EndpointSlice', displayName(raw, true), report);
  const metadata = asObject(raw['metadata']) ?? {};
  const labels = labelsOf(raw);
  if (labels[HEADLESS_LABEL] !== undefined) return undefined;
  const { namespace = 'default', name } = metadata;
  const service = labels[SERVICE_NAME_LABEL];
  const cost = 'the EndpointSlice is ignored';
  if (service === undefined || service === '') return undefined;
  if (typeof namespace !== 'string' || !isLabel(namespace)) {
    problems.add('metadata.namespace', LABEL_RULE, namespace, cost);
    return undefined;
  }
  if (typeof name !== 'string' || !isSubdomain(name)) {
    problems.add('metadata.name', SUBDOMAIN_RULE, name, cost);
    return undefined;
  }
  if (typeof service !== 'string' || !isLabel(service)) {
    problems.add(`metadata.labels["${SERVICE_NAME_LABEL}"]`, LABEL_RULE, service, cost);
    return undefined;
  }
  const addressType = raw['addressType'];
  if (addressType === 'FQDN') return undefined;
  if (addressType !== 'IPv4' && addressType !== 'IPv6') {
    problems.add('addressType', 'IPv4, IPv6 or FQDN', addressType, cost);
    return undefined;
  }
  const family = addressType === 'IPv6' ? 'ipv6' : 'ipv4';
  return {
    key: `${namespace}/${name}`,
    service: `${namespace}/${service}`,
    family,
    endpoints: readEndpoints(raw['endpoints'], family, problems),
    ports: readSlicePorts(raw['ports'], 'ports', problems),
  };
}

function readEndpoints(value: unknown, family: Family, problems: ObjectProblems): readonly SliceEndpoint[] {
  const list = asList(value);
  if (list === undefined) problems.add('endpoints', 'a list', value, 'the EndpointSlice has no endpoints');
  const found: SliceEndpoint[] = [];
  for (const [i, entry] of (list ?? []).entries()) {
    const endpoint = asObject(entry);
    const addresses = asList(endpoint?.['addresses']);
    const field = `endpoints[${i}].addresses[0]`;
    // Further addresses have never had a meaning to proxies.
    const address = usableHostAddress(addresses?.[0]);
    if (endpoint === undefined || typeof address !== 'string') {
      const must = typeof address === 'string' ? 'an IP address' : address.must;
      problems.add(field, must, addresses?.[0] ?? entry, 'the endpoint is ignored');
    } else if (familyOf(address) !== family) {
      problems.add(
        field,
        `of the slice's addressType ${family === 'ipv6' ? 'IPv6' : 'IPv4'}`,
        address,
        'the endpoint is ignored',
      );
    } else {
      found.push(readEndpoint(endpoint, address, i, problems));
    }
  }
  return found;
}

function readEndpoint(endpoint: Json, address: Address, i: number, problems: ObjectProblems): SliceEndpoint {
  const conditions = asObject(endpoint['conditions']) ?? {};
  const condition = (name: string, fallback: boolean): boolean => {
    const value = conditions[name] ?? fallback;
    if (typeof value === 'boolean') return value;
    problems.add(`endpoints[${i}].conditions.${name}`, 'true or false', value, `${fallback} is used`);
    return fallback;
  };
  const hints = asObject(endpoint['hints']);
  return {
    address,
    // Absent conditions are unknown, and unknown is to be taken for ready (KEP-752).
    ready: condition('ready', true),
    serving: condition('serving', true),
    terminating: condition('terminating', false),
    nodeName: asString(endpoint['nodeName']),
    zoneHints: hints ? hintNames(hints['forZones']) : NONE,
    nodeHints: hints ? hintNames(hints['forNodes']) : NONE,
  };
}

function hintNames(value: unknown): readonly string[] {
  return (asList(value) ?? [])
    .map((entry) => asString(asObject(entry)?.['name']))
    .filter((name) => name !== undefined);
}

export function readSlicePorts(
  value: unknown,
  field: string,
  problems: ObjectProblems,
): readonly SlicePort[] {
  const list = asList(value);
  if (list === undefined) problems.add(field, 'a list', value, 'the endpoints have no ports');
  const found: SlicePort[] = [];
  const cost = 'the port is ignored';
  for (const [i, entry] of (list ?? []).entries()) {
    const port = asObject(entry) ?? {};
    const name = port['name'] ?? '';
    const protocol = PROTOCOLS.get(port['protocol'] ?? 'TCP');
    // A port without number means "all ports" to the API and nothing to a proxy.
    if (port['port'] === undefined || port['port'] === null) continue;
    const number = asInteger(port['port'], 1, 65535);
    if (typeof name !== 'string' || (name !== '' && !isLabel(name))) {
      problems.add(`${field}[${i}].name`, LABEL_RULE, name, cost);
    } else if (protocol === undefined) {
      problems.add(`${field}[${i}].protocol`, 'TCP, UDP or SCTP', port['protocol'], cost);
    } else if (number === undefined) {
      problems.add(`${field}[${i}].port`, 'a whole number from 1 to 65535', port['port'], cost);
    } else {
      found.push({ name, protocol, port: number });
    }
  }
  return found;
}
