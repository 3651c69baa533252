import type { Sign, Transaction } from './transaction.ts';

/** What a number of rules looks like to the watch. */
export interface Size {
  /** nft: rules of the table that all Services are in. */
  readonly rules: number;
  /** legacy: entries of the nat table. */
  readonly entries: number;
  /** nftables mode: elements of the map that leads to all Services. */
  readonly elements?: number;
}

/** Recognises signs in a sequence of transactions. */
export interface KernelState {
  /** Objects added and removed so far. On the legacy backend, where this is not told: changes of a table's size. */
  readonly writes: number;
  take(transaction: Transaction): void;
  /** True once the table of all Services is as big as this. */
  has(size: Size): boolean;
  /** @returns true once the sign was seen in what is taken from now on. */
  expect(sign: Sign): () => boolean;
}

export class NftState implements KernelState {
  writes = 0;
  readonly #table: string;
  #rules = 0;
  #elements = 0;
  readonly #expected = new Set<Set<string>>();

  /** @param table whose rules are counted */
  constructor(table = 'ip nat') {
    this.#table = table;
  }

  take({ events }: Transaction): void {
    for (const [event, count] of events) {
      if (!event.startsWith('+value ')) this.writes += count;
      if (event.startsWith(`+rule ${this.#table} `)) this.#rules += count;
      if (event.startsWith(`-rule ${this.#table} `)) this.#rules -= count;
      if (event === `+element ${this.#table} service-ips`) this.#elements += count;
      if (event === `-element ${this.#table} service-ips`) this.#elements -= count;
    }
    for (const missing of this.#expected) {
      for (const event of missing) if (events.has(event)) missing.delete(event);
      if (missing.size === 0) this.#expected.delete(missing);
    }
  }

  has({ rules, elements = 0 }: Size): boolean {
    return this.#rules >= rules && this.#elements >= elements;
  }

  expect({ events }: Sign): () => boolean {
    const missing = new Set(events);
    this.#expected.add(missing);
    return () => missing.size === 0;
  }
}

/** Only the number of entries is known: changes are recognised in the order in which they were made. */
export class LegacyState implements KernelState {
  writes = 0;
  #entries = 0;
  /** Entries once all that is expected is there; undefined: nothing is. */
  #goal: number | undefined;
  #open = 0;

  take({ events }: Transaction): void {
    this.writes++;
    this.#entries = events.get('nat') ?? this.#entries;
  }

  has({ entries }: Size): boolean {
    return this.#entries >= entries;
  }

  expect({ entries }: Sign): () => boolean {
    const goal = (this.#goal ?? this.#entries) + entries;
    this.#goal = goal;
    this.#open++;
    let seen = false;
    return () => {
      if (!seen && (entries > 0 ? this.#entries >= goal : this.#entries <= goal)) {
        seen = true;
        if (--this.#open === 0) this.#goal = undefined;
      }
      return seen;
    };
  }
}
