import type { Address, ServicePort } from '../../rules/model.ts';
import type { ApiWrite } from './api-process.ts';
import {
  endpoint,
  NODE,
  SLICE_ENDPOINTS,
  service,
  servicePath,
  servicePort,
  servicesPath,
  sliceEndpoints,
  slicePath,
  slices,
  slicesPath,
} from './cluster-objects.ts';
import type { Signs } from './signs.ts';
import type { Sign } from './transaction.ts';

/** Entries in the kernel's old packet filter for a chain besides its rules: its head and its end. */
const CHAIN_ENTRIES = 2;
/** Rules of an endpoint's chain, and the one that leads to it. */
const ENDPOINT_RULES = 3;

const ENDPOINT_ENTRIES = CHAIN_ENTRIES + ENDPOINT_RULES;

/** One change of the cluster: what to write at the API, and how to recognise it in the kernel. */
export interface Change {
  readonly what: string;
  /** Writes that change no rules, and come before the clock starts. */
  readonly before: readonly ApiWrite[];
  readonly write: ApiWrite;
  readonly sign: Sign;
  /** Writes that change no rules, and come afterwards. */
  readonly after: readonly ApiWrite[];
  readonly servicePort: ServicePort;
}

/** A cluster of ClusterIP Services, all alike, with addresses counted up so that none comes twice. */
export class BenchCluster {
  readonly #signs: Signs;
  readonly #endpoints: Address[][] = [];
  #addresses = 1;
  #services = 0;
  #replaced = 0;

  /** @param big endpoints of one more Service, the first; undefined: there is none */
  constructor(services: number, endpoints: number, signs: Signs, big?: number) {
    this.#signs = signs;
    if (big !== undefined) this.#grow(big);
    for (let i = 0; i < services; i++) this.#grow(endpoints);
  }

  get services(): number {
    return this.#services;
  }

  /** A List of all objects as they are now, in JSON. */
  manifest(): string {
    const items: object[] = [NODE];
    for (const [i, endpoints] of this.#endpoints.entries()) items.push(service(i), ...slices(i, endpoints));
    return JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  }

  /**
   * A Pod is replaced by one with another address.
   * @param contended another one of the Service may be replaced before this is in the kernel
   */
  replaceEndpoint(i: number, contended = false): Change {
    const addresses = this.#of(i);
    const at = this.#replaced++ % addresses.length;
    const address = this.#address();
    const added = contended ? this.#signs.thisEndpointAdded : this.#signs.endpointAdded;
    const sign = { entries: 0, events: added(servicePort(i), endpoint(address)) };
    return this.#change(`an endpoint of Service ${i} replaced`, i, at, addresses.with(at, address), sign);
  }

  addEndpoint(i: number): Change {
    const addresses = this.#of(i);
    const address = this.#address();
    return this.#change(`an endpoint of Service ${i} added`, i, addresses.length, [...addresses, address], {
      entries: ENDPOINT_ENTRIES,
      events: this.#signs.endpointAdded(servicePort(i), endpoint(address)),
    });
  }

  removeEndpoint(i: number): Change {
    const kept = this.#of(i).slice(0, -1);
    return this.#change(`an endpoint of Service ${i} removed`, i, kept.length, kept, {
      entries: -ENDPOINT_ENTRIES,
      events: this.#signs.endpointRemoved(servicePort(i)),
    });
  }

  /** A Service more, with so many endpoints. It is the last one. */
  addService(endpoints: number): Change {
    const i = this.#services;
    this.#grow(endpoints);
    const before = slices(i, this.#of(i)).map(
      (body): ApiWrite => ({ method: 'POST', path: slicesPath(i), body }),
    );
    return {
      what: `Service ${i} added`,
      before,
      write: { method: 'POST', path: servicesPath(i), body: service(i) },
      sign: { events: this.#signs.serviceAdded(servicePort(i)), entries: serviceEntries(endpoints) },
      after: [],
      servicePort: servicePort(i),
    };
  }

  /** The last Service goes. */
  removeService(): Change {
    const i = --this.#services;
    const endpoints = this.#endpoints.pop() ?? [];
    return {
      what: `Service ${i} removed`,
      before: [],
      write: { method: 'DELETE', path: servicePath(i) },
      sign: {
        events: this.#signs.serviceRemoved(servicePort(i)),
        entries: -serviceEntries(endpoints.length),
      },
      after: slices(i, endpoints).map((_, k): ApiWrite => ({ method: 'DELETE', path: slicePath(i, k) })),
      servicePort: servicePort(i),
    };
  }

  /** @param at the endpoint that changes, which tells the slice that is written */
  #change(what: string, i: number, at: number, addresses: readonly Address[], sign: Sign): Change {
    this.#endpoints[i] = [...addresses];
    const k = Math.floor(at / SLICE_ENDPOINTS);
    const body = { endpoints: sliceEndpoints(k, addresses) };
    const write = { method: 'PATCH', path: slicePath(i, k), body } as const;
    return { what, before: [], write, sign, after: [], servicePort: servicePort(i) };
  }

  #of(i: number): readonly Address[] {
    return this.#endpoints[i] ?? [];
  }

  #grow(endpoints: number): void {
    this.#endpoints.push(Array.from({ length: endpoints }, () => this.#address()));
    this.#services++;
  }

  #address(): Address {
    const n = this.#addresses++;
    return `10.${128 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}` as Address;
  }
}

/** The dispatch rule, the Service's chain and its own rule, and the endpoints. */
function serviceEntries(endpoints: number): number {
  return 1 + CHAIN_ENTRIES + 1 + endpoints * ENDPOINT_ENTRIES;
}
