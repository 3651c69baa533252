import type { Fragment, Ruleset } from '../../rules/fragment.ts';
import type { Family } from '../../rules/model.ts';
import type { Clock } from '../cluster/clock.ts';
import type { Logger } from '../cluster/observer.ts';

/** What is believed to be in the kernel: key to text of each object. */
export type Ledger = Map<string, string>;

/** The ordered difference desired − ledger, in units that the kernel takes whole or not at all. */
export interface Plan {
  readonly sections: readonly PlanSection[];
  /** Lines of payload that change something. */
  readonly lines: number;
  /** Keys of what is left for the next plan to remove, which may do so at once. */
  readonly later?: readonly string[];
}

export interface PlanSection {
  readonly text: string;
  readonly lines: number;
  /** What the ledger holds once this is applied: key to text, undefined for what is gone. */
  readonly changes: ReadonlyMap<string, string | undefined>;
}

/** The kernel's side of one IP family in one mode. */
export interface Dataplane {
  readonly family: Family;
  /**
   * Reads what is there. Where that is not to be had, the ledger may say only so much that the plan begins anew.
   * @throws DataplaneError
   */
  adopt(signal: AbortSignal): Promise<Ledger>;
  /**
   * As `adopt`, for whoever has a ledger to go on with: throws where `adopt` would have the plan begin anew. Absent
   * where it never does.
   */
  verify?(signal: AbortSignal): Promise<Ledger>;
  /**
   * Pure. Without keys: everything.
   * @param loose what the plan before has left for `later`. Absent: nothing is to be left
   */
  plan(ruleset: Ruleset, ledger: Ledger, keys?: Iterable<string>, loose?: ReadonlySet<string>): Plan;
  /**
   * A cheap look at the static objects: whether each table still has ours. @throws DataplaneError
   */
  isIntact(ruleset: Ruleset, signal: AbortSignal): Promise<boolean>;
  /** Executes the plan's sections in order, in one process. @throws DataplaneError */
  apply(plan: Plan, signal: AbortSignal): Promise<void>;
  /**
   * Looks after what changes in the kernel by itself, until the signal aborts.
   * @param request asks for a sync, which has something to do now
   */
  watch?(
    request: () => void,
    ports: { readonly clock: Clock; readonly logger: Logger },
    signal: AbortSignal,
  ): Promise<void>;
  /** What the ledger has in place of this fragment: what goes on working while the fragment is refused. Pure. */
  programmed(fragment: Fragment, ledger: Ledger): Fragment;
}

/** Brings a ledger up to date after a plan was applied. */
export function takeDown(plan: Plan, ledger: Ledger): void {
  for (const { changes } of plan.sections) {
    for (const [key, text] of changes) {
      if (text === undefined) ledger.delete(key);
      else ledger.set(key, text);
    }
  }
}

export function replaceLedger(ledger: Ledger, by: Ledger): void {
  ledger.clear();
  for (const [key, text] of by) ledger.set(key, text);
}

/**
 * - `transient`: somebody else was at it; the same again may work
 * - `drift`: an object that should be there is not, or the reverse: the ledger is wrong
 * - `environment`: the kernel or the tool cannot do what every Service needs
 * - `refused`: the payload was not accepted; a Service in it may be at fault
 * - `missing`: the tool or the whole family is not there
 */
export type DataplaneErrorCode = 'transient' | 'drift' | 'environment' | 'refused' | 'missing' | 'aborted';

/** A tool that failed, in one line for people. */
export class DataplaneError extends Error {
  override readonly name = 'DataplaneError';
  readonly code: DataplaneErrorCode;
  /** The number of the payload's line that was refused, from 1, where the tool told. */
  readonly line: number | undefined;
  readonly refusedLine: string | undefined;
  /** The key of the object that the refused line is about, where the payload's language tells. */
  readonly refusedKey: string | undefined;
  /** The refused line with three around it. */
  readonly excerpt: string | undefined;

  constructor(
    code: DataplaneErrorCode,
    message: string,
    details: Partial<Pick<DataplaneError, 'line' | 'refusedLine' | 'refusedKey' | 'excerpt' | 'cause'>> = {},
  ) {
    super(message, { cause: details.cause });
    this.code = code;
    this.line = details.line;
    this.refusedLine = details.refusedLine;
    this.refusedKey = details.refusedKey;
    this.excerpt = details.excerpt;
  }
}
