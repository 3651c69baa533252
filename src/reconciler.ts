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
import { Quarantine } from './quarantine.ts';
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
  readonly observer?: SyncObserver;
}

/** One sync that succeeded. */
export interface SyncReport {
  readonly family: Family;
  /** ServicePorts that were compiled anew. */
  readonly servicePorts: number;
  /** Lines of payload; 0: the kernel had it all. */
  readonly lines: number;
  /** Objects that were found in the kernel, where this sync read it. */
  readonly adopted: number | undefined;
  /** Objects in the ledger now. */
  readonly objects: number;
  /** ms. */
  readonly duration: number;
}

/** Watches syncs without taking part: for health, metrics and Events. */
export interface SyncObserver {
  /** Something has changed that the next sync will look at. */
  requested(family: Family): void;
  synced(report: SyncReport): void;
  failed(family: Family, error: unknown): void;
  quarantined(family: Family, servicePort: ServicePortKey, error: DataplaneError): void;
}

const RETRY_MIN_MS = 250;
const RETRY_MAX_MS = 30_000;

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
  /** undefined: not read from the kernel yet, or no longer to be believed. */
  #ledger: Ledger | undefined;
  /** Objects that changed and are not known to be applied. */
  readonly #pending = new Set<string>();

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#backoff = new Backoff({ backoffMinMs: RETRY_MIN_MS, backoffMaxMs: RETRY_MAX_MS }, options.random);
    this.#quarantine = new Quarantine(options.dataplane, options.desired);
  }

  get family(): Family {
    return this.#options.dataplane.family;
  }

  /** Something may have changed. */
  request(): void {
    this.#options.observer?.requested(this.family);
    this.#wakeup.notify();
  }

  /** Reads the kernel at the next sync, compares everything with it, and repairs what differs. */
  verify(): void {
    this.#ledger = undefined;
    this.#wakeup.notify();
  }

  /** Syncs whenever something was requested, until the signal aborts; a payload in hand is finished or abandoned. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, minSyncPeriod } = this.#options;
    while (await this.#wakeup.wait(signal)) {
      // What came in one piece over the network is told object by object: let all of it arrive.
      await setImmediate();
      const started = clock.now();
      const retryIn = await this.#attempt(signal);
      if (retryIn !== undefined) clock.after(retryIn, () => this.#wakeup.notify());
      const rest = minSyncPeriod - (clock.now() - started);
      if (rest > 0) await pause(clock, rest, signal);
    }
  }

  /** @returns ms after which to try again; undefined after success. */
  async #attempt(signal: AbortSignal): Promise<number | undefined> {
    const { observer, logger } = this.#options;
    try {
      const report = await this.#sync(signal);
      this.#backoff.reset();
      observer?.synced(report);
      return this.#quarantine.nextRetry(this.#options.clock.now());
    } catch (error) {
      if (signal.aborted) return undefined;
      if (!(error instanceof DataplaneError)) throw error;
      const transient = error.code === 'transient';
      if (!transient) this.#ledger = undefined;
      observer?.failed(this.family, error);
      const retryIn = this.#backoff.next();
      logger.warn(
        {
          family: this.family,
          code: error.code,
          line: error.line,
          excerpt: error.excerpt,
          retryMs: Math.round(retryIn),
        },
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

    const adopted = this.#ledger === undefined ? await dataplane.adopt(signal) : undefined;
    const ledger = adopted ?? this.#ledger ?? new Map();
    this.#ledger = ledger;
    const found = adopted?.size;
    const plan = dataplane.plan(desired.ruleset, ledger, adopted ? undefined : this.#pending);
    const lines = await this.#apply(plan, ledger, adopted !== undefined, signal);
    this.#pending.clear();
    desired.commit();
    this.#quarantine.release(started);
    if (adopted) shareTexts(ledger, desired);
    const report: SyncReport = {
      family: this.family,
      servicePorts: servicePorts.length,
      lines,
      adopted: found,
      objects: ledger.size,
      duration: clock.now() - started,
    };
    const { family, duration, ...counts } = report;
    logger.info({ family, ...counts, changed: names(servicePorts), ms: round(duration) }, 'synced');
    return report;
  }

  /**
   * Applies the plan. What the kernel refuses is tried once more against a ledger that was just read from it; what
   * it still refuses is narrowed down to the ServicePorts that are at fault.
   * @returns lines applied
   */
  async #apply(plan: Plan, ledger: Ledger, fresh: boolean, signal: AbortSignal): Promise<number> {
    const { dataplane, desired, logger, observer, clock } = this.#options;
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
        return await this.#apply(dataplane.plan(desired.ruleset, ledger), ledger, true, signal);
      }
      if (error.code === 'environment') throw error;
      return await this.#quarantine.isolate(
        { plan, ledger },
        clock.now(),
        (servicePort, reason) => {
          logger.warn(
            { family: this.family, servicePort, line: reason.line, excerpt: reason.excerpt },
            `ServicePort ${servicePort} is quarantined, as the kernel refuses its rules: ${reason.message}`,
          );
          observer?.quarantined(this.family, servicePort, reason);
        },
        signal,
      );
    }
  }
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
