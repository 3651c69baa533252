/** Repairs within this time belong together. ms. */
const WINDOW_MS = 600_000;
/** So many are no accident. */
const REPAIRS = 3;
const REST_MIN_MS = 60_000;
const REST_MAX_MS = 1_800_000;

/** Recognises another proxy that writes the same chains, and keeps the two from rewriting them in turns. */
export class Rivalry {
  #repairs: number[] = [];
  #restUntil = 0;

  /**
   * Somebody else's changes were put right at this time (ms).
   * @returns the number of recent repairs, where they are too many
   */
  record(now: number): number | undefined {
    this.#repairs = [...this.#repairs.filter((time) => now - time < WINDOW_MS), now];
    const count = this.#repairs.length;
    if (count < REPAIRS) return undefined;
    this.#restUntil = now + Math.min(REST_MAX_MS, REST_MIN_MS * 2 ** (count - REPAIRS));
    return count;
  }

  /** Repairs wait: whoever writes next wins for a while, and it is not us who looks for a fight. */
  isResting(now: number): boolean {
    return now < this.#restUntil;
  }
}
