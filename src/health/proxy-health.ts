import { FAMILIES, type Family } from '../../rules/model.ts';
import type { Clock } from '../cluster/clock.ts';

export interface ProxyHealthOptions {
  readonly clock: Clock;
  /** ms that a change may wait for its sync; kube-proxy allows twice the syncPeriod. */
  readonly timeout: number;
}

/** How the proxy is at one moment. Times are ms since the epoch. */
export interface HealthReport {
  readonly now: number;
  readonly healthy: boolean;
  /** Of the family that was synced last; undefined before the first sync. */
  readonly lastUpdated: number | undefined;
  /** Families that have been synced at least once. */
  readonly families: ReadonlyMap<Family, FamilyHealth>;
}

export interface FamilyHealth {
  readonly lastUpdated: number;
  readonly healthy: boolean;
}

/**
 * Whether changes reach the kernel in time, as kube-proxy judges it: a family is unhealthy while its oldest change
 * has waited for the timeout or longer. Before its first sync a family is starting up, and healthy.
 */
export class ProxyHealth {
  readonly #clock: Clock;
  readonly #timeout: number;
  readonly #families: Readonly<Record<Family, State>> = { ipv4: {}, ipv6: {} };

  constructor({ clock, timeout }: ProxyHealthOptions) {
    this.#clock = clock;
    this.#timeout = timeout;
  }

  /** A change has arrived that a sync of this family will look at. */
  queued(family: Family): void {
    const state = this.#families[family];
    const now = this.#clock.now();
    state.waitingSince ??= now;
    state.arrivedSince ??= now;
  }

  /** A sync begins: changes from now on are for the next one. */
  started(family: Family): void {
    const state = this.#families[family];
    state.started = true;
    state.arrivedSince = undefined;
  }

  /** The sync has succeeded. Without a word of its start, it is taken to cover all changes so far. */
  updated(family: Family): void {
    const state = this.#families[family];
    state.waitingSince = state.started ? state.arrivedSince : undefined;
    state.started = false;
    state.lastUpdated = this.#clock.now();
  }

  /** Whether all families are healthy, whatever the Node is like. */
  get healthy(): boolean {
    const now = this.#clock.now();
    return FAMILIES.every((family) => this.#isHealthy(this.#families[family], now));
  }

  report(): HealthReport {
    const now = this.#clock.now();
    const families = new Map<Family, FamilyHealth>();
    for (const family of FAMILIES) {
      const state = this.#families[family];
      const { lastUpdated } = state;
      if (lastUpdated !== undefined)
        families.set(family, { lastUpdated, healthy: this.#isHealthy(state, now) });
    }
    const all = [...families.values()];
    return {
      now,
      healthy: all.every(({ healthy }) => healthy),
      lastUpdated: all.length === 0 ? undefined : Math.max(...all.map(({ lastUpdated }) => lastUpdated)),
      families,
    };
  }

  #isHealthy({ lastUpdated, waitingSince }: State, now: number): boolean {
    return lastUpdated === undefined || waitingSince === undefined || now - waitingSince < this.#timeout;
  }
}

/** Times are ms since the epoch. */
interface State {
  lastUpdated?: number;
  /** When the oldest change arrived that is not known to be in the kernel. */
  waitingSince?: number | undefined;
  /** When the oldest change arrived that the sync in hand does not cover. */
  arrivedSince?: number | undefined;
  started?: boolean;
}
