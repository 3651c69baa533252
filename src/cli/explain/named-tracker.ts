import { parseAddress } from '../../../rules/address.ts';
import type { Address } from '../../../rules/model.ts';
import type { Kind } from '../../cluster/source.ts';
import { asList, asObject, asString, isName, LABEL, SUBDOMAIN } from '../../tracker/fields.ts';
import { Tracker } from '../../tracker/tracker.ts';

/** The Pod that has an address, as far as EndpointSlices tell. */
export interface NamedPod {
  /** `namespace/name`. */
  readonly pod: string;
  readonly nodeName: string | undefined;
}

/** A tracker that remembers what people call things, which rules do not need. */
export class NamedTracker extends Tracker {
  readonly #pods = new Map<Address, NamedPod>();
  /** Addresses that several Pods have, as those on the host's network do. */
  readonly #shared = new Set<Address>();
  readonly #addresses = new Map<string, Set<Address>>();
  readonly #notProgrammed = new Map<string, string>();
  readonly #services = new Set<string>();

  override upsert(kind: Kind | 'Endpoints', object: unknown): void {
    const raw = asObject(object) ?? {};
    if (kind === 'EndpointSlice') this.#noteSlice(raw);
    if (kind === 'Service') this.#noteService(raw);
    super.upsert(kind, object);
  }

  /** The one Pod with this address. */
  podAt(address: Address): NamedPod | undefined {
    return this.#shared.has(address) ? undefined : this.#pods.get(address);
  }

  /** @param pod `namespace/name` */
  addressesOf(pod: string): readonly Address[] {
    return [...(this.#addresses.get(pod) ?? [])];
  }

  /** Why no proxy programs a Service (`namespace/name`); undefined where proxies do, or there is none. */
  notProgrammed(service: string): string | undefined {
    return this.#notProgrammed.get(service);
  }

  /** `namespace/name` of all Services. */
  get serviceNames(): Iterable<string> {
    return this.#services;
  }

  #noteSlice(raw: Readonly<Record<string, unknown>>): void {
    const namespace = asString(asObject(raw['metadata'])?.['namespace']) ?? 'default';
    for (const entry of asList(raw['endpoints']) ?? []) {
      const { targetRef, addresses, nodeName } = asObject(entry) ?? {};
      const target = asObject(targetRef);
      const [text] = asList(addresses) ?? [];
      const address = typeof text === 'string' ? parseAddress(text) : undefined;
      const { kind, name, namespace: its = namespace } = target ?? {};
      // Nobody checks references: what cannot be the name of a Pod names none.
      if (kind !== 'Pod' || !isName(name, SUBDOMAIN) || !isName(its, LABEL) || !address) continue;
      this.#notePod(`${its}/${name}`, address, asString(nodeName));
    }
  }

  #notePod(pod: string, address: Address, nodeName: string | undefined): void {
    const other = this.#pods.get(address);
    if (other && other.pod !== pod) this.#shared.add(address);
    this.#pods.set(address, { pod, nodeName });
    const addresses = this.#addresses.get(pod) ?? new Set();
    this.#addresses.set(pod, addresses.add(address));
  }

  #noteService(raw: Readonly<Record<string, unknown>>): void {
    const metadata = asObject(raw['metadata']) ?? {};
    const key = `${asString(metadata['namespace']) ?? 'default'}/${asString(metadata['name']) ?? ''}`;
    this.#services.add(key);
    const why = reasonNotToProgram(raw);
    if (why === undefined) this.#notProgrammed.delete(key);
    else this.#notProgrammed.set(key, why);
  }
}

function reasonNotToProgram(raw: Readonly<Record<string, unknown>>): string | undefined {
  const spec = asObject(raw['spec']) ?? {};
  const labels = asObject(asObject(raw['metadata'])?.['labels']) ?? {};
  const proxy = asString(labels['service.kubernetes.io/service-proxy-name']);
  if (proxy !== undefined) return `its label service.kubernetes.io/service-proxy-name leaves it to ${proxy}`;
  if (spec['type'] === 'ExternalName') {
    return `it is an ExternalName: DNS answers with ${asString(spec['externalName']) ?? 'another name'}`;
  }
  if (spec['clusterIP'] === 'None') {
    return "it is headless: DNS answers with the Pods' own addresses, to which packets go as they are";
  }
  return undefined;
}
