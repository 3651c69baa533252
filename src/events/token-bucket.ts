/** Lets through a burst, and then so many in a time. */
export interface Rate {
  readonly burst: number;
  /** ms until one more is let through. */
  readonly refill: number;
}

export class TokenBucket {
  readonly #rate: Rate;
  #tokens: number;
  #at: number;

  /** @param now ms, of any clock that goes on evenly */
  constructor(rate: Rate, now: number) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#at = now;
  }

  /** Whether one more may pass now. */
  take(now: number): boolean {
    this.#fill(now);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** ms until one may pass. */
  wait(now: number): number {
    this.#fill(now);
    return this.#tokens >= 1 ? 0 : Math.ceil((1 - this.#tokens) * this.#rate.refill);
  }

  #fill(now: number): void {
    const { burst, refill } = this.#rate;
    this.#tokens = Math.min(burst, this.#tokens + Math.max(0, now - this.#at) / refill);
    this.#at = now;
  }
}

/** A bucket for each key; of the keys, those used last. */
export class TokenBuckets {
  readonly #rate: Rate;
  readonly #limit: number;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(rate: Rate, limit: number) {
    this.#rate = rate;
    this.#limit = limit;
  }

  take(key: string, now: number): boolean {
    const bucket = this.#buckets.get(key) ?? new TokenBucket(this.#rate, now);
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    for (const [oldest] of this.#buckets) {
      if (this.#buckets.size <= this.#limit) break;
      this.#buckets.delete(oldest);
    }
    return bucket.take(now);
  }
}
