import { joined } from '../../rules/joined.ts';
import type { Kind, ObjectSink } from './source.ts';

/** What can be read off every object and bookmark. */
export interface Identity {
  /** `namespace/name`, or `name`. */
  readonly key: string;
  readonly uid: string;
  readonly version: string;
}

/**
 * What the sink has been told about one kind: names and versions, no objects. Whatever comes from a list or a watch,
 * in whatever way, only differences go on to the sink.
 */
export class Mirror {
  readonly #kind: Kind;
  readonly #sink: ObjectSink;
  readonly #versions = new Map<string, string>();
  /** While a list runs: what it has named so far. */
  #named: Set<string> | undefined;
  #synced = false;

  constructor(kind: Kind, sink: ObjectSink) {
    this.#kind = kind;
    this.#sink = sink;
  }

  get size(): number {
    return this.#versions.size;
  }

  /** The versions known so far mean nothing any more: what the next list names counts as changed. */
  distrust(): void {
    for (const key of this.#versions.keys()) this.#versions.set(key, '');
  }

  /** A list begins, and what came of an unfinished one is forgotten. */
  beginList(): void {
    this.#named = new Set();
  }

  /** The list is complete: what it did not name is gone. */
  endList(): void {
    const named = this.#named ?? new Set();
    this.#named = undefined;
    for (const key of this.#versions.keys()) {
      if (named.has(key)) continue;
      this.#versions.delete(key);
      this.#sink.delete(this.#kind, key);
    }
    if (this.#synced) return;
    this.#synced = true;
    this.#sink.synced(this.#kind);
  }

  /** The object is like this. */
  upsert(object: unknown): void {
    const identity = identityOf(object);
    if (identity === undefined) return;
    const { key, uid, version } = identity;
    this.#named?.add(key);
    const state = joined(uid, ' ', version);
    if (this.#versions.get(key) === state) return;
    this.#versions.set(key, state);
    this.#sink.upsert(this.#kind, object);
  }

  /** The object is gone, or no longer selected. */
  delete(object: unknown): void {
    const key = identityOf(object)?.key;
    if (key === undefined) return;
    this.#named?.delete(key);
    if (this.#versions.delete(key)) this.#sink.delete(this.#kind, key);
  }
}

/** @returns undefined for what cannot come from an API server: no name or no version */
export function identityOf(object: unknown): Identity | undefined {
  const meta = metadataOf(object);
  const { name, namespace, uid, resourceVersion } = meta;
  if (typeof name !== 'string' || name === '' || typeof resourceVersion !== 'string') return undefined;
  return {
    key: typeof namespace === 'string' && namespace !== '' ? joined(namespace, '/', name) : name,
    uid: typeof uid === 'string' ? uid : '',
    version: resourceVersion,
  };
}

/** The `metadata` of an object, a list or a bookmark; empty where there is none. */
export function metadataOf(object: unknown): Readonly<Record<string, unknown>> {
  const metadata = (object as { metadata?: unknown } | null | undefined)?.metadata;
  return typeof metadata === 'object' && metadata !== null ? (metadata as Record<string, unknown>) : {};
}

/**
 * Whether resource version `a` is from before `b`. Versions are decimal numbers of any length (KEP-5504); of others
 * nothing can be said.
 */
export function isOlder(a: string, b: string): boolean {
  if (!/^[1-9]\d*$/.test(a) || !/^[1-9]\d*$/.test(b)) return false;
  return a.length === b.length ? a < b : a.length < b.length;
}
