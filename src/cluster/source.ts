/** The kinds that decide what a node programs. */
export type Kind = 'Service' | 'EndpointSlice' | 'Node' | 'ServiceCIDR';

/**
 * Takes objects from a source (the API server or files), one by one, as parsed JSON that nobody has validated.
 * Implementations shrink what they get at once and keep no reference to it.
 */
export interface ObjectSink {
  /** The object was added, or is now like this. */
  upsert(kind: Kind, object: unknown): void;
  /** The object is gone. `key` is `namespace/name`, or `name` for kinds without namespace. */
  delete(kind: Kind, key: string): void;
  /** The first complete list of this kind has been passed on. Called once for each kind. */
  synced(kind: Kind): void;
}
