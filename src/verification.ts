import { Backoff } from './cluster/backoff.ts';
import type { Clock } from './cluster/clock.ts';
import type { Logger } from './cluster/observer.ts';
import { type Dataplane, DataplaneError, type Ledger } from './dataplane/dataplane.ts';

export interface VerificationOptions {
  readonly dataplane: Dataplane;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** Everything is compared with the kernel so often, and sooner again where it could not be read. */
const PERIOD_MS = 3_600_000;
const RETRY_MS = 600_000;
/** ms that reading the kernel may take. */
const LIMIT_MS = 20_000;
/** So often in a row a reading makes way for a change; then changes wait for once. */
const PATIENCE = 5;
/** ms from there to the next reading, in which there are cheaper looks: a flush is found by them. */
const WAY_MS = 60_000;

/**
 * Reads the kernel from time to time while the ledger is believed. That may fail, or never come to an end beside a
 * busy neighbour, and is no reason to hold up changes.
 */
export class Verification {
  readonly #options: VerificationOptions;
  readonly #backoff: Backoff;
  /** ms since the epoch. */
  #dueAt: number;
  /** Ends a reading in favour of a change; undefined where there is none, or it is not to be given up. */
  #giveUp: (() => void) | undefined;
  #ways = 0;

  constructor(options: VerificationOptions) {
    this.#options = options;
    this.#backoff = new Backoff({ backoffMinMs: RETRY_MS, backoffMaxMs: PERIOD_MS }, options.random);
    this.#dueAt = options.clock.now() + PERIOD_MS;
  }

  get isDue(): boolean {
    return this.#options.clock.now() >= this.#dueAt;
  }

  /** Everything has been compared with what the kernel has. */
  done(): void {
    this.#backoff.reset();
    this.#dueAt = this.#options.clock.now() + PERIOD_MS;
  }

  /** There is something to do: a reading ends. */
  makeWay(): void {
    this.#giveUp?.();
  }

  /**
   * Throws no DataplaneError. What does not succeed is due again some time later.
   * @returns what the kernel has; undefined where it could not be read; `gave way` where a change, or the end, waits
   */
  async read(signal: AbortSignal): Promise<Ledger | 'gave way' | undefined> {
    const { dataplane, clock } = this.#options;
    const ending = new AbortController();
    const cancel = clock.after(LIMIT_MS, () => ending.abort());
    let gaveWay = false;
    if (this.#ways < PATIENCE) {
      this.#giveUp = () => {
        gaveWay = true;
        ending.abort();
      };
    }
    try {
      const either = AbortSignal.any([signal, ending.signal]);
      const ledger = await (dataplane.verify?.(either) ?? dataplane.adopt(either));
      this.#ways = 0;
      return ledger;
    } catch (error) {
      if (!(error instanceof DataplaneError)) throw error;
      if (signal.aborted) return 'gave way';
      if (gaveWay) {
        this.#ways++;
        this.#dueAt = clock.now() + WAY_MS;
        return 'gave way';
      }
      this.#ways = 0;
      this.#postpone(ending.signal.aborted ? `it takes longer than ${LIMIT_MS / 1000} s` : error.message);
      return undefined;
    } finally {
      cancel();
      this.#giveUp = undefined;
    }
  }

  #postpone(reason: string): void {
    const { clock, logger, dataplane } = this.#options;
    const level = this.#backoff.failures === 0 ? 'warn' : 'debug';
    const retryIn = this.#backoff.next();
    this.#dueAt = clock.now() + retryIn;
    logger[level](
      { family: dataplane.family, retryMs: Math.round(retryIn) },
      `the kernel cannot be read, and is taken to have what was written last: ${reason}`,
    );
  }
}
