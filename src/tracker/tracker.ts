import { familyOf } from '../../rules/address.ts';
import type { Cidr, Endpoint, Family, ServicePort, ServicePortKey } from '../../rules/model.ts';
import { endpointText } from '../../rules/model.ts';
import { compareText } from '../../rules/topology.ts';
import type { Kind, ObjectSink } from '../cluster/source.ts';
import type { LostClaim } from './claims.ts';
import { Claims } from './claims.ts';
import { readEndpointsObject } from './endpoints.ts';
import { asObject, asString } from './fields.ts';
import type { NodeObject } from './node.ts';
import { readNode, readServiceCIDR } from './node.ts';
import type { Report } from './problem.ts';
import type { ServiceSpec } from './service.ts';
import { readService } from './service.ts';
import type { Slice } from './slice.ts';
import { readSlice } from './slice.ts';
import { SliceIndex } from './slice-index.ts';

export interface TrackerOptions {
  /** Endpoints on this node are local. */
  readonly nodeName: string;
  readonly report: Report;
  /** Something has changed that a sync would look at. Called once for each object, synchronously. */
  readonly changed?: () => void;
}

/**
 * Turns objects into ServicePorts with their endpoints, and remembers which of them have changed since they were
 * last taken. Holds nothing of an object that rules do not need.
 */
export class Tracker implements ObjectSink {
  readonly #options: TrackerOptions;
  readonly #services = new Map<string, ServiceSpec>();
  readonly #slices = new SliceIndex();
  /** Legacy Endpoints, used where a Service has no slices. */
  readonly #legacy = new Map<string, readonly Slice[]>();
  readonly #serviceCIDRs = new Map<string, readonly Cidr[]>();
  readonly #families: Readonly<Record<Family, FamilyState>> = {
    ipv4: new FamilyState(),
    ipv6: new FamilyState(),
  };
  readonly #synced = new Set<Kind>();
  #node: NodeObject | undefined;

  constructor(options: TrackerOptions) {
    this.#options = options;
  }

  upsert(kind: Kind | 'Endpoints', object: unknown): void {
    const raw = asObject(object);
    if (!raw) return;
    const { report } = this.#options;
    switch (kind) {
      case 'Service': {
        const spec = readService(raw, report);
        // An object that has become unusable stops being programmed, like one that is gone.
        this.#setService(spec?.key ?? keyOf(raw, true), spec);
        break;
      }
      case 'EndpointSlice': {
        const slice = readSlice(raw, report);
        this.#setSlice(slice?.key ?? keyOf(raw, true), slice);
        break;
      }
      case 'Endpoints': {
        const slices = readEndpointsObject(raw, report);
        const key = keyOf(raw, true);
        this.#legacy.set(key, slices);
        this.#touchEndpoints(key);
        break;
      }
      case 'Node': {
        const node = readNode(raw, report);
        if (node?.name === this.#options.nodeName) this.#node = node;
        break;
      }
      case 'ServiceCIDR':
        this.#serviceCIDRs.set(keyOf(raw, false), readServiceCIDR(raw, report));
        break;
    }
    this.#options.changed?.();
  }

  delete(kind: Kind, key: string): void {
    if (kind === 'Service') this.#setService(key, undefined);
    else if (kind === 'EndpointSlice') this.#setSlice(key, undefined);
    else if (kind === 'ServiceCIDR') this.#serviceCIDRs.delete(key);
    else if (key === this.#options.nodeName) this.#node = undefined;
    this.#options.changed?.();
  }

  synced(kind: Kind): void {
    this.#synced.add(kind);
    this.#options.changed?.();
  }

  hasSynced(...kinds: readonly Kind[]): boolean {
    return kinds.every((kind) => this.#synced.has(kind));
  }

  /** undefined until it has been seen, and after it was deleted. */
  get node(): NodeObject | undefined {
    return this.#node;
  }

  serviceCIDRs(family: Family): readonly Cidr[] {
    const all = [...this.#serviceCIDRs.values()].flat().filter((cidr) => familyOf(cidr) === family);
    return [...new Set(all)].sort(compareText);
  }

  /** The ServicePorts of a family, in no order. */
  servicePortKeys(family: Family): Iterable<ServicePortKey> {
    return this.#families[family].ports.keys();
  }

  /** Those of them that are UDP. */
  udpServicePortKeys(family: Family): Iterable<ServicePortKey> {
    return this.#families[family].udp;
  }

  /** Endpoints summed over all ServicePorts of the family, ready or not. */
  endpointCount(family: Family): number {
    return this.#families[family].endpointCount;
  }

  /** The ServicePorts that have changed since the last call. They may be gone. */
  takeDirty(family: Family): readonly ServicePortKey[] {
    const { dirty } = this.#families[family];
    const keys = [...dirty];
    dirty.clear();
    return keys;
  }

  hasDirty(family: Family): boolean {
    return this.#families[family].dirty.size > 0;
  }

  /** The ServicePort with its endpoints and only those destinations that are its own; undefined once it is gone. */
  resolve(
    family: Family,
    key: ServicePortKey,
  ): { servicePort: ServicePort; lost: readonly LostClaim[] } | undefined {
    const state = this.#families[family];
    const spec = state.ports.get(key);
    if (!spec) return undefined;
    const { servicePort, lost } = state.claims.resolve(spec);
    return { servicePort: { ...servicePort, endpoints: this.#endpoints(servicePort) }, lost };
  }

  /** The metadata.uid of a Service that is programmed. @param service `namespace/name` */
  serviceUid(service: string): string | undefined {
    return this.#services.get(service)?.uid;
  }

  #setService(key: string, spec: ServiceSpec | undefined): void {
    const before = this.#services.get(key);
    if (before && spec && JSON.stringify(before) === JSON.stringify(spec)) return;
    for (const port of before?.ports ?? []) this.#families[port.family].remove(port);
    if (spec) this.#services.set(key, spec);
    else this.#services.delete(key);
    for (const port of spec?.ports ?? []) this.#families[port.family].add(port);
    this.#touchEndpoints(key);
  }

  #setSlice(key: string, slice: Slice | undefined): void {
    const before = this.#slices.get(key);
    if (JSON.stringify(before) === JSON.stringify(slice)) return;
    this.#slices.set(key, slice);
    for (const name of new Set([before?.service, slice?.service])) {
      if (name !== undefined) this.#touchEndpoints(name);
    }
  }

  /** The endpoints of a Service may be others now. */
  #touchEndpoints(service: string): void {
    for (const port of this.#services.get(service)?.ports ?? []) {
      const state = this.#families[port.family];
      state.dirty.add(port.key);
      state.setEndpointCount(port.key, this.#countEndpoints(port));
    }
  }

  #countEndpoints(port: ServicePort): number {
    const seen = new Map<number, Set<string>>();
    for (const { address, number } of this.#addresses(port)) {
      const addresses = seen.get(number);
      if (addresses) addresses.add(address);
      else seen.set(number, new Set([address]));
    }
    let count = 0;
    for (const addresses of seen.values()) count += addresses.size;
    return count;
  }

  *#addresses(port: ServicePort): Iterable<{ address: string; number: number; slice: Slice; index: number }> {
    for (const slice of this.#slicesOf(`${port.namespace}/${port.service}`)) {
      if (slice.family !== port.family) continue;
      for (const { name, protocol, port: number } of slice.ports) {
        if (name !== port.portName || protocol !== port.protocol) continue;
        for (const [index, { address }] of slice.endpoints.entries()) yield { address, number, slice, index };
      }
    }
  }

  #slicesOf(service: string): readonly Slice[] {
    const slices = this.#slices.of(service);
    return slices.length === 0 ? (this.#legacy.get(service) ?? []) : slices;
  }

  #endpoints(port: ServicePort): readonly Endpoint[] {
    const found = new Map<string, Endpoint>();
    for (const { number, slice, index } of this.#addresses(port)) {
      const from = slice.endpoints[index];
      if (!from) continue;
      const { nodeName } = from;
      const endpoint: Endpoint = { ...from, port: number, local: nodeName === this.#options.nodeName };
      const text = endpointText(endpoint);
      const other = found.get(text);
      if (!other || isBetterDuplicate(endpoint, other)) found.set(text, endpoint);
    }
    return [...found].sort(([a], [b]) => compareText(a, b)).map(([, endpoint]) => endpoint);
  }
}

/**
 * One address may be in several slices for a while. What still runs counts before what terminates, then what is
 * ready, then what is known to be on this node.
 */
function isBetterDuplicate(a: Endpoint, b: Endpoint): boolean {
  const rank = (endpoint: Endpoint) =>
    (endpoint.terminating ? 0 : 4) + (endpoint.ready ? 2 : 0) + (endpoint.local ? 1 : 0);
  return rank(a) > rank(b);
}

class FamilyState {
  readonly ports = new Map<ServicePortKey, ServicePort>();
  readonly udp = new Set<ServicePortKey>();
  readonly claims = new Claims();
  readonly dirty = new Set<ServicePortKey>();
  readonly #endpointCounts = new Map<ServicePortKey, number>();
  endpointCount = 0;

  add(port: ServicePort): void {
    this.ports.set(port.key, port);
    if (port.protocol === 'udp') this.udp.add(port.key);
    this.#mark(port.key, this.claims.add(port));
  }

  remove(port: ServicePort): void {
    this.ports.delete(port.key);
    this.udp.delete(port.key);
    this.setEndpointCount(port.key, 0);
    this.#mark(port.key, this.claims.remove(port));
  }

  setEndpointCount(key: ServicePortKey, count: number): void {
    this.endpointCount += count - (this.#endpointCounts.get(key) ?? 0);
    if (count === 0) this.#endpointCounts.delete(key);
    else this.#endpointCounts.set(key, count);
  }

  #mark(key: ServicePortKey, others: readonly ServicePortKey[]): void {
    this.dirty.add(key);
    for (const other of others) this.dirty.add(other);
  }
}

function keyOf(raw: Readonly<Record<string, unknown>>, namespaced: boolean): string {
  const metadata = asObject(raw['metadata']) ?? {};
  const name = asString(metadata['name']) ?? '';
  return namespaced ? `${asString(metadata['namespace']) ?? 'default'}/${name}` : name;
}
