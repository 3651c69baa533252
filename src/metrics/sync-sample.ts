import type { Family } from '../../rules/model.ts';
import type { DataplaneErrorCode } from '../dataplane/dataplane.ts';

/** One sync that succeeded, as far as metrics tell of it. */
export interface SyncSample {
  readonly family: Family;
  /** ms. */
  readonly duration: number;
  /** Everything was compared with the kernel; false: only what had changed. */
  readonly full: boolean;
  /** Lines of payload that were applied. */
  readonly lines: number;
  /** Objects in the ledger now. */
  readonly objects: number;
  /** Objects that were found in the kernel, where this sync read it. */
  readonly adopted: number | undefined;
  /** Rules that were written, by table (iptables and ipvs mode). */
  readonly rules?: RuleCounts | undefined;
  /** Services with a Local policy and without an endpoint on this node, by the policy's traffic. */
  readonly noLocalEndpoints?: TrafficCounts | undefined;
}

/** One sync that failed, and will be tried again. */
export interface SyncFailureSample {
  readonly family: Family;
  /** ms. */
  readonly duration: number;
  readonly full: boolean;
  readonly code: DataplaneErrorCode;
}

export interface RuleCounts {
  readonly filter: number;
  readonly nat: number;
}

export interface TrafficCounts {
  readonly internal: number;
  readonly external: number;
}
