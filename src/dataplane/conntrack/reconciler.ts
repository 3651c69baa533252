import {
  type FlowSelector,
  isStillStale,
  staleFlows,
  type UdpDestinations,
  udpDestinations,
  withoutDeparted,
} from '../../../rules/conntrack.ts';
import type { Family, NodeFacts, ProxySettings, ServicePort } from '../../../rules/model.ts';
import { FAMILIES } from '../../../rules/model.ts';
import { Backoff } from '../../cluster/backoff.ts';
import { type Clock, pause } from '../../cluster/clock.ts';
import type { Logger } from '../../cluster/observer.ts';
import { Wakeup } from '../../wakeup.ts';
import { DataplaneError } from '../dataplane.ts';
import type { ConntrackTool } from './tool.ts';

export interface ConntrackReconcilerOptions {
  readonly tool: ConntrackTool;
  /** What UDP flows may lead to, as it is now. */
  readonly desired: (family: Family) => DesiredFlows;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly observer?: ConntrackObserver;
}

export interface DesiredFlows {
  /** All UDP ServicePorts of the family, with only those destinations that are their own. Others do not count. */
  readonly servicePorts: Iterable<ServicePort>;
  readonly node: NodeFacts;
  readonly settings: ProxySettings;
}

/** One reconciliation that succeeded. */
export interface ConntrackReport {
  readonly family: Family;
  /** UDP flows that were looked at. */
  readonly flows: number;
  readonly deleted: number;
  /** ms. */
  readonly duration: number;
}

/** Watches without taking part: for metrics. */
export interface ConntrackObserver {
  reconciled(report: ConntrackReport): void;
}

/** ms between two looks at the table, at least. */
const MIN_REST_MS = 1_000;
/** Rest for each ms of work: a big table (0.8 s for 200,000 flows) does not keep a CPU busy. */
const REST_FACTOR = 3;
const MAX_REST_MS = 15_000;
const RETRY_MIN_MS = 1_000;
const RETRY_MAX_MS = 60_000;
/** Deletions, each of which takes up to 0.4 s, after which the remaining ones are decided anew. */
const REVIEW_AFTER = 10;

/**
 * Deletes tracked UDP flows to Services that no serving endpoint answers. The kernel translates by its rules only the
 * first packet of a flow, and a UDP flow has no end but silence: a client that keeps sending would keep on reaching an
 * endpoint that is gone, or nobody.
 */
export class ConntrackReconciler {
  readonly #options: ConntrackReconcilerOptions;
  readonly #families: Readonly<Record<Family, FamilyState>>;

  constructor(options: ConntrackReconcilerOptions) {
    this.#options = options;
    const backoff = () =>
      new Backoff({ backoffMinMs: RETRY_MIN_MS, backoffMaxMs: RETRY_MAX_MS }, options.random);
    this.#families = { ipv4: new FamilyState(backoff()), ipv6: new FamilyState(backoff()) };
  }

  /** UDP ServicePorts of this family have changed, and the rules for them are in the kernel. */
  request(family: Family): void {
    this.#families[family].wakeup.notify();
  }

  /** Reconciles whenever it was requested, each family for itself, until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(FAMILIES.map((family) => this.#follow(family, signal)));
  }

  async #follow(family: Family, signal: AbortSignal): Promise<void> {
    const { wakeup } = this.#families[family];
    while (await wakeup.wait(signal)) {
      await pause(this.#options.clock, await this.#attempt(family, signal), signal);
    }
  }

  /** @returns ms to rest. */
  async #attempt(family: Family, signal: AbortSignal): Promise<number> {
    const { logger, clock, observer } = this.#options;
    const state = this.#families[family];
    const started = clock.now();
    try {
      const { flows, deleted } = await this.#reconcile(family, signal);
      const duration = clock.now() - started;
      if (state.complaint !== undefined) logger.info({ family }, 'conntrack works again');
      state.complaint = undefined;
      state.backoff.reset();
      const level = deleted > 0 ? 'info' : 'debug';
      logger[level]({ family, flows, deleted, ms: Math.round(duration) }, 'conntrack reconciled');
      observer?.reconciled({ family, flows, deleted, duration });
      return Math.min(MAX_REST_MS, Math.max(MIN_REST_MS, duration * REST_FACTOR));
    } catch (error) {
      if (signal.aborted) return 0;
      if (!(error instanceof DataplaneError)) throw error;
      return this.#fail(family, error);
    }
  }

  async #reconcile(family: Family, signal: AbortSignal): Promise<{ flows: number; deleted: number }> {
    const { tool } = this.#options;
    const state = this.#families[family];
    const destinations = this.#destinations(family);
    state.destinations = destinations;
    const stale = new Map<string, FlowSelector>();
    const flows = await tool.flows(
      family,
      (flow) => {
        const selector = staleFlows(flow, destinations);
        if (selector) stale.set(Object.values(selector).join(' '), selector);
      },
      signal,
    );
    let deleted = 0;
    let now = destinations;
    for (const [i, selector] of [...stale.values()].entries()) {
      // With many of them in a big table, time passes: what serves again by now keeps its flows.
      if (i > 0 && i % REVIEW_AFTER === 0) now = this.#destinations(family);
      if (isStillStale(selector, now)) deleted += await tool.delete(selector, signal);
    }
    state.destinations = withoutDeparted(destinations);
    return { flows, deleted };
  }

  #destinations(family: Family): UdpDestinations {
    const { servicePorts, node, settings } = this.#options.desired(family);
    return udpDestinations(servicePorts, node, settings, this.#families[family].destinations);
  }

  /** Says so once. @returns ms to rest. */
  #fail(family: Family, error: DataplaneError): number {
    const state = this.#families[family];
    const told = Object.values(this.#families).some(({ complaint }) => complaint === error.message);
    state.complaint = error.message;
    if (!told) {
      this.#options.logger.warn(
        { family, code: error.code },
        `UDP flows to endpoints that are gone stay until their clients pause: ${error.message}`,
      );
    }
    if (error.code === 'transient') {
      state.wakeup.notify();
      return state.backoff.next();
    }
    // It will be the same the next time: what waits to be deleted must not pile up.
    if (state.destinations) state.destinations = withoutDeparted(state.destinations);
    return MIN_REST_MS;
  }
}

class FamilyState {
  readonly wakeup = new Wakeup();
  readonly backoff: Backoff;
  destinations: UdpDestinations | undefined;
  /** What went wrong the last time. */
  complaint: string | undefined;

  constructor(backoff: Backoff) {
    this.backoff = backoff;
  }
}
