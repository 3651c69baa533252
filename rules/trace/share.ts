/** A probability as an exact fraction, so that three endpoints get a third each. */
export class Share {
  static readonly ALL = new Share(1n, 1n);
  readonly #part: bigint;
  readonly #whole: bigint;

  private constructor(part: bigint, whole: bigint) {
    const divisor = greatestCommonDivisor(part, whole);
    this.#part = part / divisor;
    this.#whole = whole / divisor;
  }

  /** `part` of `whole`, both whole numbers; 0 <= part <= whole. */
  static of(part: number, whole: number): Share {
    return new Share(BigInt(part), BigInt(whole));
  }

  /**
   * What `--probability` says: a number that kube-proxy rounded from 1/n is that fraction again; any other is taken as
   * the kernel has it, in parts of 2^31.
   */
  static ofProbability(probability: number): Share {
    const n = Math.round(1 / probability);
    const isFraction = n <= MAX_FRACTION && Math.abs(1 / n - probability) < ROUNDING;
    if (isFraction) return Share.of(1, n);
    return Share.of(Math.round(Math.min(Math.max(probability, 0), 1) * 2 ** 31), 2 ** 31);
  }

  times(other: Share): Share {
    return new Share(this.#part * other.#part, this.#whole * other.#whole);
  }

  plus(other: Share): Share {
    return new Share(this.#part * other.#whole + other.#part * this.#whole, this.#whole * other.#whole);
  }

  /** What is left of 1. */
  get rest(): Share {
    return new Share(this.#whole - this.#part, this.#whole);
  }

  get isNothing(): boolean {
    return this.#part === 0n;
  }

  get value(): number {
    return Number(this.#part) / Number(this.#whole);
  }

  /** `1 of 3`. */
  toString(): string {
    return `${this.#part} of ${this.#whole}`;
  }
}

/** Two fractions 1/n and 1/(n+1) are further apart than what rounding does to one of them. */
const MAX_FRACTION = 20_000;
const ROUNDING = 1e-9;

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  let [big, small] = [a, b];
  while (small !== 0n) [big, small] = [small, big % small];
  return big;
}
