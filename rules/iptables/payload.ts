import type { Table } from './chains.ts';
import { chainRank } from './chains.ts';

/** The input of iptables-restore --noflush for one COMMIT, which the kernel takes whole or not at all. */
export interface Section {
  readonly table: Table;
  readonly text: string;
  /** Lines that change something: all but the first and the last. */
  readonly lines: number;
  /** What the ledger holds after this COMMIT: key to text, undefined for what is gone. */
  readonly changes: ReadonlyMap<string, string | undefined>;
}

/** Collects the changes of one COMMIT in any order, and prints them in the one order that is right. */
export class SectionBuilder {
  readonly #table: Table;
  readonly #declared: string[] = [];
  readonly #rules: string[] = [];
  readonly #inserted: string[] = [];
  readonly #deleted: string[] = [];
  readonly #dropped: string[] = [];
  readonly #changes = new Map<string, string | undefined>();

  constructor(table: Table) {
    this.#table = table;
  }

  get isEmpty(): boolean {
    return this.#changes.size === 0;
  }

  get size(): number {
    return this.#changes.size;
  }

  /** The objects that change. */
  keys(): Iterable<string> {
    return this.#changes.keys();
  }

  record(key: string, text: string | undefined): void {
    this.#changes.set(key, text);
  }

  /** Creates the chain, or empties it, and gives it these rules. */
  writeChain(chain: string, rules: readonly string[]): void {
    this.#declared.push(chain);
    for (const rule of rules) this.append(chain, rule);
  }

  append(chain: string, rule: string): void {
    this.#rules.push(`-A ${chain} ${rule}`);
  }

  /** At the top. Of several, the first stays first. */
  insert(chain: string, rule: string): void {
    this.#inserted.push(`-I ${chain} ${rule}`);
  }

  deleteRule(chain: string, rule: string): void {
    this.#deleted.push(`-D ${chain} ${rule}`);
  }

  deleteChain(chain: string): void {
    this.#dropped.push(chain);
  }

  build(): Section {
    const dropped = this.#dropped.sort((a, b) => chainRank(a) - chainRank(b));
    const body = [
      ...[...this.#declared, ...dropped].map((chain) => `:${chain} - [0:0]`),
      ...this.#rules,
      ...this.#inserted.reverse(),
      ...this.#deleted,
      ...dropped.map((chain) => `-X ${chain}`),
    ];
    const text = [`*${this.#table}`, ...body, 'COMMIT', ''].join('\n');
    return { table: this.#table, text, lines: body.length, changes: this.#changes };
  }
}
