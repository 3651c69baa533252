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
  /** Reads what is there. @throws DataplaneError */
  adopt(signal: AbortSignal): Promise<Ledger>;
  /** Pure. Without keys: everything. */
  plan(ruleset: Ruleset, ledger: Ledger, keys?: Iterable<string>): Plan;
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
  /** The refused line with three around it. */
  readonly excerpt: string | undefined;

  constructor(
    code: DataplaneErrorCode,
    message: string,
    details: Partial<Pick<DataplaneError, 'line' | 'refusedLine' | 'excerpt' | 'cause'>> = {},
  ) {
    super(message, { cause: details.cause });
    this.code = code;
    this.line = details.line;
    this.refusedLine = details.refusedLine;
    this.excerpt = details.excerpt;
  }
}
