import type { Family } from '../../rules/model.ts';

/** Where the endpoints controller says when the change happened that made it write a slice. */
const ANNOTATION = 'endpoints.kubernetes.io/last-change-trigger-time';

/**
 * Remembers when the changes happened that wait for a sync, so that it can be told how long they took to arrive
 * here. As in kube-proxy, what happened before this program started does not count, and neither do deletions.
 * All times are ms since the epoch.
 */
export class TriggerTimes {
  readonly #started: number;
  /** The last time of each slice, by its key; only those that changed since the start. */
  readonly #last = new Map<string, Trigger>();
  readonly #waiting: Readonly<Record<Family, Waiting>> = { ipv4: newWaiting(), ipv6: newWaiting() };

  constructor(started: number) {
    this.#started = started;
  }

  /**
   * A slice has arrived. A time that it has had before tells nothing new.
   * @param service `namespace/name`
   * @param slice `namespace/name`
   */
  record(family: Family, service: string, slice: string, at: number): void {
    if (at <= this.#started || this.#last.get(slice)?.at === at) return;
    this.#last.set(slice, { service, family, at });
    const { arrived } = this.#waiting[family];
    const times = arrived.get(service);
    if (times) times.push(at);
    else arrived.set(service, [at]);
  }

  /** The slice is gone: what waits for its Service was the work of something else. */
  deleted(slice: string): void {
    const last = this.#last.get(slice);
    if (!last) return;
    this.#last.delete(slice);
    this.#waiting[last.family].arrived.delete(last.service);
  }

  /** A sync begins: what arrives from now on is for the next one. */
  syncStarted(family: Family): void {
    const waiting = this.#waiting[family];
    for (const [service, times] of waiting.arrived) {
      const before = waiting.inHand.get(service);
      waiting.inHand.set(service, before ? [...before, ...times] : times);
    }
    waiting.arrived = new Map();
    waiting.started = true;
  }

  /**
   * The sync has succeeded.
   * @returns ms that each change took until now. Clocks of two machines differ: never less than 0.
   */
  synced(family: Family, now: number): readonly number[] {
    const waiting = this.#waiting[family];
    if (!waiting.started) this.syncStarted(family);
    const latencies = [...waiting.inHand.values()].flat().map((at) => Math.max(0, now - at));
    waiting.inHand.clear();
    waiting.started = false;
    return latencies;
  }
}

interface Trigger {
  readonly family: Family;
  readonly service: string;
  readonly at: number;
}

interface Waiting {
  arrived: Map<string, number[]>;
  readonly inHand: Map<string, number[]>;
  started: boolean;
}

function newWaiting(): Waiting {
  return { arrived: new Map(), inHand: new Map(), started: false };
}

/** The time in an EndpointSlice's annotations; undefined where there is none that can be read. */
export function triggerTimeOf(
  annotations: Readonly<Record<string, unknown>> | undefined,
): number | undefined {
  const text = annotations?.[ANNOTATION];
  if (typeof text !== 'string' || !/^\d{4}-\d\d-\d\dT/.test(text)) return undefined;
  // Go writes up to nine digits of a second.
  const at = Date.parse(text.replace(/(\.\d{3})\d+/, '$1'));
  return Number.isNaN(at) ? undefined : at;
}
