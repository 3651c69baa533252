import type { BenchCluster, Change } from './cluster.ts';

/** Coprime to every round number. */
const STRIDE = 7919;

/** Chooses which Services change: far from each other, and each once before one comes again. */
export class Turn {
  readonly #cluster: BenchCluster;
  readonly #legacy: boolean;
  #count = 0;
  #grown: number | undefined;

  /** @param legacy the kernel shows only how many endpoints there are */
  constructor(cluster: BenchCluster, legacy: boolean) {
    this.#cluster = cluster;
    this.#legacy = legacy;
  }

  /** A change after which the next one waits until it is programmed. */
  one(): Change {
    if (!this.#legacy) return this.#cluster.replaceEndpoint(this.#next());
    const grown = this.#grown;
    this.#grown = grown === undefined ? this.#next() : undefined;
    return grown === undefined
      ? this.#cluster.addEndpoint(this.#grown ?? 0)
      : this.#cluster.removeEndpoint(grown);
  }

  /** A change while others are on their way to the kernel. */
  ofMany(): Change {
    const i = this.#next();
    return this.#legacy ? this.#cluster.addEndpoint(i) : this.#cluster.replaceEndpoint(i);
  }

  #next(): number {
    return (this.#count++ * STRIDE) % this.#cluster.services;
  }
}
