import { familyOf } from '../../rules/address.ts';
import { joined } from '../../rules/joined.ts';
import type { Address, Family, Protocol } from '../../rules/model.ts';
import { FAMILIES } from '../../rules/model.ts';
import type { Json } from './fields.ts';
import {
  asInteger,
  asObject,
  asString,
  displayName,
  FAMILY_NAMES,
  given,
  isName,
  LABEL,
  labelsOf,
  mustBe,
  readIdentity,
  SUBDOMAIN,
  uidOf,
} from './fields.ts';
import { usableHostAddress } from './host-address.ts';
import type { Report } from './problem.ts';
import { ObjectProblems } from './problem.ts';
import { PORT_NUMBER, PROTOCOLS } from './service.ts';

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
  const labels = labelsOf(raw);
  const service = given(labels[SERVICE_NAME_LABEL]);
  if (labels[HEADLESS_LABEL] !== undefined || service === undefined) return undefined;
  const addressType = raw['addressType'];
  if (addressType === 'FQDN') return undefined;
  const problems = new ObjectProblems('EndpointSlice', displayName(raw, true), uidOf(raw), report);
  const cost = 'the EndpointSlice is ignored';
  const identity = readIdentity(raw, SUBDOMAIN, problems, cost);
  if (!identity) return undefined;
  if (!isName(service, LABEL)) {
    problems.add(`metadata.labels["${SERVICE_NAME_LABEL}"]`, mustBe(LABEL, service), service, cost);
    return undefined;
  }
  const family = FAMILIES.find((candidate) => FAMILY_NAMES[candidate] === addressType);
  if (family === undefined) {
    problems.add('addressType', 'IPv4, IPv6 or FQDN', addressType, cost);
    return undefined;
  }
  const { namespace, name } = identity;
  return {
    key: joined(namespace, '/', name),
    service: joined(namespace, '/', service),
    family,
    endpoints: readEndpoints(raw['endpoints'], family, problems),
    ports: readSlicePorts(raw['ports'], 'ports', problems),
  };
}

function readEndpoints(value: unknown, family: Family, problems: ObjectProblems): readonly SliceEndpoint[] {
  const found = new Map<Address, SliceEndpoint>();
  for (const [i, entry] of problems.list(value, 'endpoints', 'the slice has no endpoints').entries()) {
    const endpoint = readEndpoint(entry, `endpoints[${i}]`, family, problems);
    // Of one address that is there twice, the last that does not terminate counts, as with kube-proxy.
    if (endpoint && !(endpoint.terminating && found.has(endpoint.address)))
      found.set(endpoint.address, endpoint);
  }
  return exactly([...found.values()]);
}

/** undefined, and one problem, where it has no usable address or it is not known whether it takes traffic. */
function readEndpoint(
  entry: unknown,
  field: string,
  family: Family,
  problems: ObjectProblems,
): SliceEndpoint | undefined {
  const refuse = (where: string, must: string, value: unknown): undefined => {
    problems.add(where, must, value, 'the endpoint is ignored');
    return undefined;
  };
  const endpoint = asObject(entry);
  if (!endpoint) return refuse(field, 'an object', entry);
  const addresses = endpoint['addresses'] ?? undefined;
  if (!Array.isArray(addresses) || addresses.length === 0) {
    return refuse(`${field}.addresses`, 'a list of one IP address or more', addresses);
  }
  // Further addresses have never had a meaning to proxies.
  const address = usableHostAddress(addresses[0]);
  if (typeof address !== 'string') return refuse(`${field}.addresses[0]`, address.must, addresses[0]);
  if (familyOf(address) !== family) {
    const must = `an ${FAMILY_NAMES[family]} address, as addressType says`;
    return refuse(`${field}.addresses[0]`, must, addresses[0]);
  }
  const conditions = asObject(endpoint['conditions'] ?? {});
  if (!conditions) return refuse(`${field}.conditions`, 'an object', endpoint['conditions']);
  for (const name of ['ready', 'serving', 'terminating']) {
    const value = conditions[name] ?? true;
    if (typeof value !== 'boolean') return refuse(`${field}.conditions.${name}`, 'true or false', value);
  }
  const hints = problems.object(endpoint['hints'], `${field}.hints`, 'it is ignored');
  return {
    address,
    // Absent conditions are unknown, and unknown is to be taken for ready (KEP-752).
    ready: conditions['ready'] !== false,
    serving: conditions['serving'] !== false,
    terminating: conditions['terminating'] === true,
    nodeName: readNodeName(endpoint['nodeName'], `${field}.nodeName`, problems),
    zoneHints: readHints(hints['forZones'], `${field}.hints.forZones`, problems),
    nodeHints: readHints(hints['forNodes'], `${field}.hints.forNodes`, problems),
  };
}

export function readNodeName(value: unknown, field: string, problems: ObjectProblems): string | undefined {
  if (value === undefined || value === null || typeof value === 'string') return value ?? undefined;
  problems.add(field, 'text', value, 'the endpoint is taken to be on another node');
  return undefined;
}

function readHints(value: unknown, field: string, problems: ObjectProblems): readonly string[] {
  const list = problems.list(value, field, 'it is ignored');
  if (list.length === 0) return NONE;
  return list.flatMap((entry, i) => {
    const name = asString(asObject(entry)?.['name']);
    if (name !== undefined) return [name];
    problems.add(`${field}[${i}].name`, 'text', asObject(entry)?.['name'] ?? entry, 'the hint is ignored');
    return [];
  });
}

/** Ports that endpoints listen on. One without number means "all ports" to the API and nothing to a proxy. */
export function readSlicePorts(
  value: unknown,
  field: string,
  problems: ObjectProblems,
): readonly SlicePort[] {
  const found: SlicePort[] = [];
  const cost = 'the port is ignored';
  for (const [i, entry] of problems.list(value, field, 'the endpoints have no ports').entries()) {
    const port = asObject(entry);
    if (!port) {
      problems.add(`${field}[${i}]`, 'an object', entry, cost);
      continue;
    }
    if (port['port'] === undefined || port['port'] === null) continue;
    const name = port['name'] ?? '';
    const protocol = PROTOCOLS.get(given(port['protocol']) ?? 'TCP');
    const number = asInteger(port['port'], 1, 65535);
    if (name !== '' && !isName(name, LABEL)) {
      problems.add(`${field}[${i}].name`, mustBe(LABEL, name), name, cost);
    } else if (protocol === undefined) {
      problems.add(`${field}[${i}].protocol`, 'TCP, UDP or SCTP', port['protocol'], cost);
    } else if (number === undefined) {
      problems.add(`${field}[${i}].port`, PORT_NUMBER, port['port'], cost);
    } else {
      found.push({ name, protocol, port: number });
    }
  }
  return exactly(found);
}

/** Arrays that have grown have room for 16 more, in each of thousands of slices. */
function exactly<T>(list: readonly T[]): readonly T[] {
  return list.slice();
}
