import { type Clock, pause } from './cluster/clock.ts';
import type { Logger } from './cluster/observer.ts';
import type { Settings } from './config/settings.ts';
import { RuntimeFailure } from './failure.ts';
import type { Tracker } from './tracker/tracker.ts';
import { Wakeup } from './wakeup.ts';

/** ms for which the Node is awaited before its address is taken to be loopback. */
const NODE_PATIENCE_MS = 30_000;
/** ms for which the Node's podCIDRs are awaited where they tell local traffic; as kube-proxy. */
const POD_CIDR_PATIENCE_MS = 300_000;

/**
 * Holds back the first sync until it is known what to program: a half-read cluster would look like one in which
 * half of all Services were deleted.
 */
export class StartGate {
  readonly #wakeup = new Wakeup();

  /** The tracker has changed. */
  check(): void {
    this.#wakeup.notify();
  }

  /**
   * Resolves to true when all Services and EndpointSlices are known, and the Node is or has been awaited long
   * enough; to false when the signal aborts.
   * @throws RuntimeFailure where detectLocalMode needs podCIDRs that do not come
   */
  async pass(
    tracker: Tracker,
    settings: Settings,
    logger: Logger,
    clock: Clock,
    signal: AbortSignal,
  ): Promise<boolean> {
    const until = (condition: () => boolean, ms: number) => this.#until(condition, ms, clock, signal);
    await until(() => tracker.hasSynced('Service', 'EndpointSlice'), Number.POSITIVE_INFINITY);
    const hasNode = await until(
      () => tracker.node !== undefined,
      tracker.hasSynced('Node') && settings.from.length > 0 ? 0 : NODE_PATIENCE_MS,
    );
    if (!hasNode && !signal.aborted) {
      logger.warn(
        {},
        `Node ${settings.nodeName} is not known: its node IP is taken to be loopback until it appears`,
      );
    }
    if (settings.config.detectLocalMode === 'NodeCIDR') {
      const found = await until(() => (tracker.node?.podCIDRs.length ?? 0) > 0, POD_CIDR_PATIENCE_MS);
      if (!found && !signal.aborted) {
        throw new RuntimeFailure(
          'pod-cidrs',
          `detectLocalMode NodeCIDR needs spec.podCIDRs of Node ${settings.nodeName}: none after 5 minutes`,
        );
      }
    }
    return !signal.aborted;
  }

  /** @returns whether the condition came true in time. */
  async #until(condition: () => boolean, ms: number, clock: Clock, signal: AbortSignal): Promise<boolean> {
    if (condition()) return true;
    const stop = new AbortController();
    const either = AbortSignal.any([signal, stop.signal]);
    if (ms !== Number.POSITIVE_INFINITY) void pause(clock, ms, either).then(() => stop.abort());
    while (!condition() && (await this.#wakeup.wait(either)));
    stop.abort();
    return condition();
  }
}
