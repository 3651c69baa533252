import { randomUUID } from 'node:crypto';
import { asObject, asString, type JsonObject, stringEntries } from './json.ts';
import type { Resource } from './resources.ts';

/**
 * One version of one object. The object itself is kept as text, so that nobody can change it, it is small, and
 * lists and watches send it as it is.
 */
export interface StoredObject {
  /** `namespace/name`, or `name`. */
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly revision: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly fields: Readonly<Record<string, string>>;
  /** The JSON text after `{`, without kind and apiVersion, which items of a list do not have. */
  readonly tail: string;
}

/** One write. */
export interface Change {
  readonly revision: number;
  readonly table: string;
  readonly key: string;
  readonly before: StoredObject | undefined;
  readonly after: StoredObject | undefined;
}

export interface StoreOptions {
  /** Changes that can still be watched from or listed at; older ones are compacted away. */
  readonly historyLimit: number;
  /** Called with every change, after it is visible. */
  readonly onChange: (change: Change, resource: Resource) => void;
  /** For creationTimestamp. */
  readonly now: () => Date;
}

/** The object as JSON, without kind and apiVersion. */
export function contentOf(object: StoredObject): JsonObject {
  return JSON.parse(`{${object.tail}`) as JsonObject;
}

/** Objects, one global revision counter, and the latest part of the history: what etcd is to the real server. */
export class Store {
  /** The revision of the last write, for the whole store as in etcd. */
  revision: number;
  /** Revisions below this one are gone: they can be neither watched from nor listed at. */
  compacted: number;
  private readonly options: StoreOptions;
  private readonly tables = new Map<string, Table>();
  private history: Change[] = [];

  constructor(options: StoreOptions, revision = 1) {
    this.options = options;
    this.revision = revision;
    this.compacted = revision;
  }

  get(resource: Resource, key: string): StoredObject | undefined {
    return this.tables.get(resource.table)?.objects.get(key);
  }

  /** All objects of a resource in the order of their keys. */
  list(resource: Resource): readonly StoredObject[] {
    return this.tables.get(resource.table)?.sorted() ?? [];
  }

  /**
   * All objects of a resource as they were, in the order of their keys.
   * @param revision between `compacted` and `revision`
   */
  listAt(resource: Resource, revision: number): readonly StoredObject[] {
    const undo = new Map<string, StoredObject | undefined>();
    for (let index = this.history.length - 1; index >= 0; index--) {
      const change = this.history[index];
      if (change === undefined || change.revision <= revision) break;
      if (change.table === resource.table) undo.set(change.key, change.before);
    }
    if (undo.size === 0) return this.list(resource);
    const objects = this.list(resource).filter((object) => !undo.has(object.key));
    for (const before of undo.values()) if (before !== undefined) objects.push(before);
    return objects.sort(byKey);
  }

  /** Changes of a resource after a revision, oldest first. */
  changesAfter(resource: Resource, revision: number): Change[] {
    return this.history.filter((change) => change.revision > revision && change.table === resource.table);
  }

  /**
   * Creates or replaces an object. A write that changes nothing is none, as in the real server.
   * @param content the object; kind and apiVersion are dropped, metadata is completed
   * @param atLeast the revision that the write gets, where the counter is not there yet
   */
  write(resource: Resource, content: JsonObject, atLeast = 0): StoredObject {
    const metadata = asObject(content['metadata']) ?? {};
    const name = asString(metadata['name']) ?? '';
    const namespace = resource.namespaced ? (asString(metadata['namespace']) ?? 'default') : '';
    const key = namespace === '' ? name : `${namespace}/${name}`;
    const before = this.get(resource, key);
    const previous = before === undefined ? undefined : contentOf(before);
    if (before !== undefined) {
      const unchanged = this.complete(resource, content, previous, before.revision);
      if (tailOf(unchanged) === before.tail) return before;
    }
    const revision = Math.max(this.revision + 1, atLeast);
    const completed = this.complete(resource, content, previous, revision);
    const after: StoredObject = {
      key,
      namespace,
      name,
      uid: asString(asObject(completed['metadata'])?.['uid']) ?? '',
      revision,
      labels: stringEntries(metadata['labels']),
      fields: resource.fields(completed),
      tail: tailOf(completed),
    };
    this.table(resource).set(after);
    this.record({ revision, table: resource.table, key, before, after }, resource);
    return after;
  }

  /** Deletes an object; returns what it was, or undefined where there was none. */
  remove(resource: Resource, key: string): StoredObject | undefined {
    const before = this.get(resource, key);
    if (before === undefined) return undefined;
    this.table(resource).delete(key);
    this.record(
      { revision: this.revision + 1, table: resource.table, key, before, after: undefined },
      resource,
    );
    return before;
  }

  /** Forgets the history up to now, as etcd's compaction does every five minutes. */
  compact(): void {
    this.history = [];
    this.compacted = this.revision;
  }

  /** Gives all objects new revisions, counted from the given one, and forgets the history. */
  renumber(revision: number): void {
    this.revision = revision;
    for (const table of this.tables.values()) {
      for (const object of table.sorted()) {
        this.revision++;
        table.set(atRevision(object, this.revision));
      }
    }
    this.compact();
  }

  /** Forgets all objects, without events. */
  clear(): void {
    this.tables.clear();
    this.compact();
  }

  private complete(
    resource: Resource,
    content: JsonObject,
    previous: JsonObject | undefined,
    revision: number,
  ): JsonObject {
    const { kind: _kind, apiVersion: _apiVersion, metadata: given, ...rest } = content;
    const {
      name,
      namespace,
      uid,
      resourceVersion: _old,
      generation: _generation,
      creationTimestamp,
      ...others
    } = asObject(given) ?? {};
    const old = asObject(previous?.['metadata']);
    const metadata: JsonObject = { name };
    if (resource.namespaced) metadata['namespace'] = namespace ?? 'default';
    metadata['uid'] = old?.['uid'] ?? uid ?? randomUUID();
    metadata['resourceVersion'] = String(revision);
    if (resource.generation) metadata['generation'] = generationOf(rest, previous, old);
    metadata['creationTimestamp'] =
      old?.['creationTimestamp'] ?? creationTimestamp ?? `${this.options.now().toISOString().slice(0, 19)}Z`;
    return { metadata: { ...metadata, ...others }, ...rest };
  }

  private table(resource: Resource): Table {
    let table = this.tables.get(resource.table);
    if (table === undefined) {
      table = new Table();
      this.tables.set(resource.table, table);
    }
    return table;
  }

  private record(change: Change, resource: Resource): void {
    this.revision = change.revision;
    this.history.push(change);
    const { historyLimit } = this.options;
    if (this.history.length > historyLimit * 1.25 + 16) {
      const gone = this.history.splice(0, this.history.length - historyLimit);
      this.compacted = gone.at(-1)?.revision ?? this.compacted;
    }
    this.options.onChange(change, resource);
  }
}

/** The same object with another resourceVersion, as a DELETED event shows it. */
export function atRevision(object: StoredObject, revision: number): StoredObject {
  const content = contentOf(object);
  const metadata = { ...asObject(content['metadata']), resourceVersion: String(revision) };
  return { ...object, revision, tail: tailOf({ ...content, metadata }) };
}

class Table {
  readonly objects = new Map<string, StoredObject>();
  private order: StoredObject[] | undefined = [];

  set(object: StoredObject): void {
    this.objects.set(object.key, object);
    this.order = undefined;
  }

  delete(key: string): void {
    this.objects.delete(key);
    this.order = undefined;
  }

  sorted(): StoredObject[] {
    this.order ??= [...this.objects.values()].sort(byKey);
    return this.order;
  }
}

function byKey(a: StoredObject, b: StoredObject): number {
  if (a.key === b.key) return 0;
  return a.key < b.key ? -1 : 1;
}

function tailOf(content: JsonObject): string {
  return JSON.stringify(content).slice(1);
}

function generationOf(
  rest: JsonObject,
  previous: JsonObject | undefined,
  old: JsonObject | undefined,
): number {
  const before = Number(old?.['generation'] ?? 0);
  if (previous === undefined) return 1;
  const { metadata: _metadata, ...previousRest } = previous;
  return JSON.stringify(previousRest) === JSON.stringify(rest) ? before : before + 1;
}
