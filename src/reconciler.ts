import { setImmediate } from 'node:timers/promises';
import type { Family, NodeFacts, ProxySettings } from '../rules/model.ts';
import { Backoff } from './cluster/backoff.ts';
import { type Clock, pause } from './cluster/clock.ts';
import type { Logger } from './cluster/observer.ts';
import {
  type Dataplane,
  DataplaneError,
  type Ledger,
  type Plan,
  replaceLedger,
  takeDown,
} from './dataplane/dataplane.ts';
import type { DesiredState } from './desired-state.ts';
import { type Findings, Quarantine, type Quarantined } from './quarantine.ts';
import { Rivalry } from './rivalry.ts';
import { syncLog } from './sync-log.ts';
import { type SyncObserver, type SyncReport, tellAll } from './sync-observer.ts';
import { Verification } from './verification.ts';
import { Wakeup } from './wakeup.ts';

export interface ReconcilerOptions {
  readonly dataplane: Dataplane;
  readonly desired: DesiredState;
  /** What rules depend on besides Services, as it is now. */
  readonly context: () => { readonly node: NodeFacts; readonly settings: ProxySettings };
  readonly logger: Logger;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** ms between the starts of two syncs, at least. */
  readonly minSyncPeriod: number;
  /** ms between two looks at whether our static chains still stand. */
  readonly syncPeriod: number;
  /** What was read from the kernel just now, where it was. */
  readonly ledger?: Ledger | undefined;
  readonly observer?: SyncObserver;
}

const RETRY_MIN_MS = 250;
const RETRY_MAX_MS = 30_000;
/** What may be removed later is removed with the next change, or so many ms after the last one. */
const LATER_MS = 1_000;

/**
 * Brings the kernel to the desired state, one IP family for itself: waits for something to change, plans the
 * difference to the ledger, applies it, and takes it down in the ledger. Changes that arrive together are applied
 * together; what arrives during a sync is the next one.
 */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #observer: Required<SyncObserver>;
  readonly #wakeup = new Wakeup();
  readonly #backoff: Backoff;
  readonly #quarantine: Quarantine;
  readonly #findings: Findings = {
    quarantined: (servicePort, error) => this.#observer.quarantined(this.family, servicePort, error),
    stuck: (objects, error) => this.#observer.stuck(this.family, objects, error),
  };
  readonly #rivalry = new Rivalry();
  /** undefined: not read from the kernel yet, or no longer to be believed. */
  #ledger: Ledger | undefined;
  /** The ledger was taken straight from the kernel, and nothing has been compared with it yet. */
  #unread: boolean;
  /** All was in the kernel once: what is missing then was taken away. */
  #settled = false;
  /** Objects that changed and are not known to be applied. */
  readonly #pending = new Set<string>();
  /** Those of them that the plan before has left for later. */
  #loose: ReadonlySet<string> = new Set();
  readonly #verification: Verification;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#observer = tellAll([syncLog(options.logger), ...(options.observer ? [options.observer] : [])]);
    this.#backoff = new Backoff({ backoffMinMs: RETRY_MIN_MS, backoffMaxMs: RETRY_MAX_MS }, options.random);
    this.#verification = new Verification(options);
    this.#quarantine = new Quarantine(options.dataplane, options.desired);
    this.#ledger = options.ledger;
    this.#unread = options.ledger !== undefined;
  }

  get family(): Family {
    return this.#options.dataplane.family;
  }

  get quarantined(): readonly Quarantined[] {
    return this.#quarantine.entries;
  }

  /** Something may have changed. */
  request(): void {
    this.#observer.requested(this.family);
    this.#verification.makeWay();
    this.#wakeup.notify();
  }

  /** Reads the kernel at the next sync, compares everything with it, and repairs what differs. */
  reread(): void {
    this.#ledger = undefined;
    this.#wakeup.notify();
  }

  /** Syncs whenever something was requested, until the signal aborts; a payload in hand is finished or abandoned. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, minSyncPeriod, syncPeriod } = this.#options;
    let retryIn: number | undefined;
    let lookAt = clock.now() + syncPeriod;
    while (!signal.aborted) {
      const wakeIn = Math.min(
        retryIn ?? Number.POSITIVE_INFINITY,
        Math.max(0, lookAt - clock.now()),
        MAX_TIMER_MS,
      );
      const cancel = clock.after(wakeIn, () => this.#wakeup.notify());
      const awake = await this.#wakeup.wait(signal);
      cancel();
      if (!awake) break;
      // What came in one piece over the network is told object by object: let all of it arrive.
      await setImmediate();
      const started = clock.now();
      if (started >= lookAt) {
        await this.#look(signal);
        lookAt = clock.now() + syncPeriod;
      }
      retryIn = await this.#attempt(signal);
      const rest = minSyncPeriod - (clock.now() - started);
      if (rest > 0) await pause(clock, rest, signal);
    }
  }

  /** Somebody may have flushed our tables, or edited them; the latter is looked for more rarely, as it costs more. */
  async #look(signal: AbortSignal): Promise<void> {
    const { dataplane, desired, clock, logger } = this.#options;
    if (!this.#settled || this.#ledger === undefined || this.#rivalry.isResting(clock.now())) return;
    try {
      const found = this.#verification.isDue ? await this.#verification.read(signal) : undefined;
      // Whoever it gave way to does not wait for another look.
      if (found === 'gave way') return;
      if (found) {
        this.#ledger = found;
        this.#unread = true;
      } else if (!(await dataplane.isIntact(desired.ruleset, signal))) {
        logger.warn({ family: this.family }, 'our chains were flushed or edited by somebody else: repairing');
        this.#ledger = undefined;
      }
    } catch (error) {
      if (!(error instanceof DataplaneError)) throw error;
      if (!signal.aborted)
        logger.warn({ family: this.family, code: error.code }, `look at our chains failed: ${error.message}`);
    }
  }

  /** @returns ms after which to try again; undefined where there is no need. */
  async #attempt(signal: AbortSignal): Promise<number | undefined> {
    const { clock } = this.#options;
    const started = clock.now();
    const full = this.#ledger === undefined || this.#unread;
    this.#observer.started(this.family);
    try {
      const report = await this.#sync(signal);
      this.#backoff.reset();
      this.#observer.synced(report);
      const retryIn = this.#quarantine.nextRetry(clock.now());
      return this.#loose.size === 0 ? retryIn : Math.min(retryIn ?? LATER_MS, LATER_MS);
    } catch (error) {
      if (signal.aborted) return undefined;
      if (!(error instanceof DataplaneError)) throw error;
      // Parts of the plan may have been applied.
      this.#ledger = undefined;
      const retryIn = this.#backoff.next();
      this.#observer.failed({ family: this.family, error, duration: clock.now() - started, full, retryIn });
      return retryIn;
    }
  }

  async #sync(signal: AbortSignal): Promise<SyncReport> {
    const { dataplane, desired, clock, context } = this.#options;
    const started = clock.now();
    const { node, settings } = context();
    const { keys, servicePorts } = desired.update(node, settings);
    for (const key of keys) this.#pending.add(key);
    for (const key of this.#quarantine.review(servicePorts, started)) this.#pending.add(key);

    const fresh = this.#ledger === undefined || this.#unread;
    const ledger = this.#ledger ?? (await dataplane.adopt(signal));
    this.#ledger = ledger;
    const adopted = fresh ? ledger.size : undefined;
    const plan = fresh
      ? dataplane.plan(desired.ruleset, ledger)
      : dataplane.plan(
          desired.ruleset,
          ledger,
          this.#pending,
          new Set([...this.#loose, ...this.#quarantine.stuck]),
        );
    const repaired = fresh && this.#settled ? linesBeside(plan, this.#pending) : 0;
    const { lines, asPlanned } = await this.#apply(plan, ledger, fresh, signal);
    const isNew = fresh || servicePorts.length > 0 || !asPlanned || linesBeside(plan, this.#loose) > 0;
    this.#unread = false;
    this.#settled = true;
    this.#pending.clear();
    this.#loose = new Set(plan.later);
    for (const key of this.#loose) this.#pending.add(key);
    desired.commit();
    this.#quarantine.release(started);
    if (fresh) {
      shareTexts(ledger, desired);
      this.#verification.done();
    }
    if (repaired > 0) this.#count(repaired);
    return {
      family: this.family,
      servicePorts,
      full: fresh,
      lines,
      plan,
      adopted,
      repaired,
      deferred: lines > 0 && !isNew,
      objects: ledger.size,
      duration: clock.now() - started,
    };
  }

  /** A repair now and then is somebody's mistake; one after the other is another proxy. */
  #count(repaired: number): void {
    const repairs = this.#rivalry.record(this.#options.clock.now());
    if (repairs !== undefined) this.#observer.contested(this.family, repairs, repaired);
  }

  /**
   * Applies the plan. What the kernel refuses is tried once more against a ledger that was just read from it; what
   * it still refuses is narrowed down to the ServicePorts that are at fault.
   */
  async #apply(plan: Plan, ledger: Ledger, fresh: boolean, signal: AbortSignal): Promise<Applied> {
    const { dataplane, desired, logger, clock } = this.#options;
    if (plan.lines === 0) return { lines: 0, asPlanned: true };
    try {
      await dataplane.apply(plan, signal);
      takeDown(plan, ledger);
      return { lines: plan.lines, asPlanned: true };
    } catch (error) {
      if (!(error instanceof DataplaneError) || !['drift', 'refused', 'environment'].includes(error.code)) {
        throw error;
      }
      if (!fresh) {
        logger.info({ family: this.family, code: error.code }, `kernel read again: ${error.message}`);
        replaceLedger(ledger, await dataplane.adopt(signal));
        const anew = dataplane.plan(desired.ruleset, ledger);
        const repaired = linesBeside(anew, this.#pending);
        if (repaired > 0) this.#count(repaired);
        return { ...(await this.#apply(anew, ledger, true, signal)), asPlanned: false };
      }
      if (error.code === 'environment') throw error;
      replaceLedger(ledger, await dataplane.adopt(signal));
      const lines = await this.#quarantine.isolate({ plan, ledger }, clock.now(), this.#findings, signal);
      return { lines, asPlanned: false };
    }
  }
}

interface Applied {
  /** Of payload. */
  readonly lines: number;
  /** The kernel took the plan as it was. */
  readonly asPlanned: boolean;
}

/** The longest time that a timer of Node's can wait. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Lines of the plan's sections that change something besides the given objects. */
function linesBeside(plan: Plan, keys: ReadonlySet<string>): number {
  return plan.sections
    .filter(({ changes }) => [...changes.keys()].some((key) => !keys.has(key)))
    .reduce((sum, { lines }) => sum + lines, 0);
}

/** Texts cut from a dump keep the whole dump in memory; the ruleset has the same ones. */
function shareTexts(ledger: Ledger, { ruleset }: DesiredState): void {
  for (const [key, text] of ledger) {
    const desired = ruleset.text(key);
    ledger.set(key, desired === text ? desired : Buffer.from(text).toString());
  }
}
