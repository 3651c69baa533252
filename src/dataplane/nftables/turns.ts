/**
 * Keeps writers from a reader. nft begins a listing anew whenever anybody has written in the meantime, in whichever
 * family; beside a busy writer the listing of a big table would never end.
 */
export class Turns {
  #reading = 0;
  #writing = 0;
  #waiting: (() => void)[] = [];

  /** Runs `work` while nobody writes. Readers do not wait for each other. */
  async read<T>(work: () => Promise<T>): Promise<T> {
    // From here on no writer begins: whoever writes now is soon done.
    this.#reading++;
    try {
      while (this.#writing > 0) await this.#turn();
      return await work();
    } finally {
      this.#reading--;
      this.#changed();
    }
  }

  /** Runs `work` while nobody reads. Writers do not wait for each other. */
  async write<T>(work: () => Promise<T>): Promise<T> {
    while (this.#reading > 0) await this.#turn();
    this.#writing++;
    try {
      return await work();
    } finally {
      this.#writing--;
      this.#changed();
    }
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #changed(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
