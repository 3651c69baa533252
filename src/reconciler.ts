import { setImmediate } from 'node:timers/promises';
import type { Family, NodeFacts, ProxySettings, ServicePortKey } from '../rules/model.ts';
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
  /** A sync failed, and is tried again. `duration` in ms. */
  failed?(failure: { family: Family; error: DataplaneError; duration: number; full: boolean }): void;
  quarantined?(family: Family, servicePort: ServicePortKey, error: DataplaneError): void;
  /** So many objects that are no longer wanted cannot be removed, and are left. */
  stuck?(family: Family, objects: number): void;
  /** Our chains were changed by somebody else again and again. */
  contested?(family: Family, repairs: number): void;
}

/** Tells several observers the same. */
export function tellAll(observers: readonly SyncObserver[]): SyncObserver {
  return {
    requested: (family) => observers.forEach((observer) => void observer.requested?.(family)),
    started: (family) => observers.forEach((observer) => void observer.started?.(family)),
    synced: (report) => observers.forEach((observer) => void observer.synced?.(report)),
    failed: (failure) => observers.forEach((observer) => void observer.failed?.(failure)),
    quarantined: (family, servicePort, error) =>
      observers.forEach((observer) => void observer.quarantined?.(family, servicePort, error)),
    stuck: (family, objects) => observers.forEach((observer) => void observer.stuck?.(family, objects)),
    contested: (family, repairs) =>
      observers.forEach((observer) => void observer.contested?.(family, repairs)),
  };
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
  readonly #wakeup = new Wakeup();
  readonly #backoff: Backoff;
  readonly #quarantine: Quarantine;
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
    this.#options.observer?.requested?.(this.family);
    this.#verification.makeWay();
    this.#wakeup.notify();
  }

  /** Reads the kernel at the next sync, compares everything with it, and repairs what differs. */
  verify(): void {
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
    const { observer, logger, clock } = this.#options;
    const started = clock.now();
    const full = this.#ledger === undefined || this.#unread;
    observer?.started?.(this.family);
    try {
      const report = await this.#sync(signal);
      this.#backoff.reset();
      observer?.synced?.(report);
      const retryIn = this.#quarantine.nextRetry(clock.now());
      return this.#loose.size === 0 ? retryIn : Math.min(retryIn ?? LATER_MS, LATER_MS);
    } catch (error) {
      if (signal.aborted) return undefined;
      if (!(error instanceof DataplaneError)) throw error;
      // Parts of the plan may have been applied.
      this.#ledger = undefined;
      observer?.failed?.({ family: this.family, error, duration: clock.now() - started, full });
      const retryIn = this.#backoff.next();
      const { code, line, excerpt } = error;
      logger.warn(
        { family: this.family, code, line, excerpt, retryMs: Math.round(retryIn) },
        `sync failed: ${error.message}`,
      );
      return retryIn;
    }
  }

  async #sync(signal: AbortSignal): Promise<SyncReport> {
    const { dataplane, desired, clock, context, logger } = this.#options;
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
    const lines = await this.#apply(plan, ledger, fresh, signal);
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
    const { family } = this;
    const duration = clock.now() - started;
    const level = fresh || servicePorts.length > 0 || lines > 0 ? 'info' : 'debug';
    logger[level](
      {
        family,
        servicePorts: names(servicePorts),
        lines,
        adopted,
        repaired: repaired || undefined,
        objects: ledger.size,
        ms: round(duration),
      },
      'synced',
    );
    return {
      family,
      servicePorts,
      full: fresh,
      lines,
      plan,
      adopted,
      repaired,
      objects: ledger.size,
      duration,
    };
  }

  /** A repair now and then is somebody's mistake; one after the other is another proxy. */
  #count(repaired: number): void {
    const { clock, logger, observer } = this.#options;
    const repairs = this.#rivalry.record(clock.now());
    if (repairs === undefined) return;
    logger.warn(
      { family: this.family, repairs, lines: repaired },
      'another proxy is writing: our chains were changed again and again; is kube-proxy still running on this node? Repairs back off',
    );
    observer?.contested?.(this.family, repairs);
  }

  /**
   * Applies the plan. What the kernel refuses is tried once more against a ledger that was just read from it; what
   * it still refuses is narrowed down to the ServicePorts that are at fault.
   * @returns lines applied
   */
  async #apply(plan: Plan, ledger: Ledger, fresh: boolean, signal: AbortSignal): Promise<number> {
    const { dataplane, desired, logger, clock } = this.#options;
    if (plan.lines === 0) return 0;
    try {
      await dataplane.apply(plan, signal);
      takeDown(plan, ledger);
      return plan.lines;
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
        return await this.#apply(anew, ledger, true, signal);
      }
      if (error.code === 'environment') throw error;
      replaceLedger(ledger, await dataplane.adopt(signal));
      return await this.#quarantine.isolate({ plan, ledger }, clock.now(), this.#findings(), signal);
    }
  }

  #findings(): Findings {
    const { logger, observer } = this.#options;
    const { family } = this;
    return {
      quarantined: (servicePort, reason) => {
        logger.warn(
          { family, servicePort, line: reason.line, excerpt: reason.excerpt },
          `ServicePort ${servicePort} is quarantined, as the kernel refuses its rules: ${reason.message}`,
        );
        observer?.quarantined?.(family, servicePort, reason);
      },
      stuck: (objects, reason) => {
        logger.warn(
          { family, objects, line: reason.line, excerpt: reason.excerpt },
          `some of what is no longer wanted cannot be removed, and is left: ${reason.message}`,
        );
        observer?.stuck?.(family, objects);
      },
    };
  }
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

/** A log line has room for some. */
function names(servicePorts: readonly ServicePortKey[]): readonly string[] {
  return servicePorts.length <= 5
    ? servicePorts
    : [...servicePorts.slice(0, 4), `and ${servicePorts.length - 4} more`];
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
