import type { Timing } from './timing.ts';

/** Waits that double, with jitter, so that a thousand nodes do not come back in the same moment. */
export class Backoff {
  readonly #timing: Pick<Timing, 'backoffMinMs' | 'backoffMaxMs'>;
  readonly #random: () => number;
  #failures = 0;

  /** @param random uniform in [0, 1) */
  constructor(timing: Pick<Timing, 'backoffMinMs' | 'backoffMaxMs'>, random: () => number) {
    this.#timing = timing;
    this.#random = random;
  }

  /** Failures since the last success. */
  get failures(): number {
    return this.#failures;
  }

  /** Counts a failure. @returns ms to wait: between half of the current bound and all of it */
  next(): number {
    const { backoffMinMs, backoffMaxMs } = this.#timing;
    const bound = Math.min(backoffMaxMs, backoffMinMs * 2 ** Math.min(this.#failures, 30));
    this.#failures++;
    return bound * (0.5 + this.#random() / 2);
  }

  reset(): void {
    this.#failures = 0;
  }
}
