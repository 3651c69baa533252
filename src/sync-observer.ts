import type { Family, ServicePortKey } from '../rules/model.ts';
import type { DataplaneError, Plan } from './dataplane/dataplane.ts';

/** One sync that succeeded. */
export interface SyncReport {
  readonly family: Family;
  /** ServicePorts that were compiled anew. */
  readonly servicePorts: readonly ServicePortKey[];
  /** Everything was compared with what the kernel has; false: only what had changed. */
  readonly full: boolean;
  /** Lines of payload; 0: the kernel had it all. */
  readonly lines: number;
  /** What was to be applied, as it was planned at first. */
  readonly plan?: Plan;
  /** Objects that were found in the kernel, where this sync read it. */
  readonly adopted: number | undefined;
  /** Lines that put right what somebody else had changed in the kernel. */
  readonly repaired: number;
  /** Nothing was done but to remove what the syncs before had left for later. */
  readonly deferred?: boolean;
  /** Objects in the ledger now. */
  readonly objects: number;
  /** ms. */
  readonly duration: number;
}

/** Watches syncs without taking part: for health, metrics and Events. */
export interface SyncObserver {
  /** Something has changed that the next sync will look at. */
  requested?(family: Family): void;
  /** A sync begins: what changes from now on is for the next one. */
  started?(family: Family): void;
  synced?(report: SyncReport): void;
  /** A sync failed, and is tried again. `duration` and `retryIn` in ms. */
  failed?(failure: {
    family: Family;
    error: DataplaneError;
    duration: number;
    full: boolean;
    retryIn: number;
  }): void;
  quarantined?(family: Family, servicePort: ServicePortKey, error: DataplaneError): void;
  /** So many objects that are no longer wanted cannot be removed, and are left. */
  stuck?(family: Family, objects: number, error: DataplaneError): void;
  /** Our chains were changed by somebody else again and again: so many times, the last time so many lines. */
  contested?(family: Family, repairs: number, lines: number): void;
}

/** Tells several observers the same. */
export function tellAll(observers: readonly SyncObserver[]): Required<SyncObserver> {
  return {
    requested: (family) => observers.forEach((observer) => void observer.requested?.(family)),
    started: (family) => observers.forEach((observer) => void observer.started?.(family)),
    synced: (report) => observers.forEach((observer) => void observer.synced?.(report)),
    failed: (failure) => observers.forEach((observer) => void observer.failed?.(failure)),
    quarantined: (family, servicePort, error) =>
      observers.forEach((observer) => void observer.quarantined?.(family, servicePort, error)),
    stuck: (family, objects, error) =>
      observers.forEach((observer) => void observer.stuck?.(family, objects, error)),
    contested: (family, repairs, lines) =>
      observers.forEach((observer) => void observer.contested?.(family, repairs, lines)),
  };
}
