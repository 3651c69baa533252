import type { Family } from '../../rules/model.ts';
import type { Kind, ObjectSink } from '../cluster/source.ts';
import { asObject, labelsOf } from '../tracker/fields.ts';
import type { ChangeKind } from './pending-changes.ts';
import { triggerTimeOf } from './trigger-times.ts';

/** Takes note of changes. */
export interface ChangeLog {
  /** @param family of an EndpointSlice; undefined for a Service, and where it is not known */
  changed(kind: ChangeKind, family: Family | undefined): void;
  /** Service and slice are `namespace/name`; the time is in ms since the epoch. */
  triggered(family: Family, service: string, slice: string, at: number): void;
  sliceDeleted(slice: string): void;
}

/** Passes everything on to another sink, and counts on the way. */
export class MeasuringSink implements ObjectSink {
  readonly #inner: ObjectSink;
  readonly #log: ChangeLog;

  constructor(inner: ObjectSink, log: ChangeLog) {
    this.#inner = inner;
    this.#log = log;
  }

  upsert(kind: Kind, object: unknown): void {
    if (kind === 'Service') this.#log.changed(kind, undefined);
    if (kind === 'EndpointSlice') this.#slice(object);
    this.#inner.upsert(kind, object);
  }

  delete(kind: Kind, key: string): void {
    if (kind === 'Service' || kind === 'EndpointSlice') this.#log.changed(kind, undefined);
    if (kind === 'EndpointSlice') this.#log.sliceDeleted(key);
    this.#inner.delete(kind, key);
  }

  synced(kind: Kind): void {
    this.#inner.synced(kind);
  }

  #slice(object: unknown): void {
    const raw = asObject(object) ?? {};
    const family = ADDRESS_TYPES[String(raw['addressType'])];
    this.#log.changed('EndpointSlice', family);
    const { namespace, name, annotations } = asObject(raw['metadata']) ?? {};
    const service = labelsOf(raw)['kubernetes.io/service-name'];
    const at = triggerTimeOf(asObject(annotations));
    if (family && at !== undefined) {
      this.#log.triggered(family, `${namespace}/${service}`, `${namespace}/${name}`, at);
    }
  }
}

const ADDRESS_TYPES: Readonly<Record<string, Family>> = { IPv4: 'ipv4', IPv6: 'ipv6' };
