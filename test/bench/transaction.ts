/** One change of the rules in the kernel, as kernel-watch.pl prints it. */
export interface Transaction {
  /** ms on the monotonic clock. */
  readonly at: number;
  /** False where the kernel had more to tell than the watch could take: counts are wrong from here on. */
  readonly whole: boolean;
  /** The first 15 characters of the program that made it. Empty on the legacy backend. */
  readonly program: string;
  /**
   * How often each thing happened. nft: `+rule ip nat KUBE-SERVICES`, also -rule, +chain, -chain, +element, -element;
   * and `+value 10.1.2.3` for an address that a map in a rule has, and no map before had.
   * legacy: entries of each table afterwards, by its name.
   */
  readonly events: ReadonlyMap<string, number>;
}

/** Reads `TIME <tab> whole|lost <tab> PROGRAM <tab> EVENT=COUNT,…`, the time in ns. */
export function parseTransaction(line: string): Transaction {
  const [time = '', whole, program = '', events = ''] = line.split('\t');
  return {
    at: Number(time) / 1e6,
    whole: whole === 'whole',
    program,
    events: new Map(
      events
        .split(',')
        .filter((event) => event !== '')
        .map((event) => {
          const equals = event.lastIndexOf('=');
          return [event.slice(0, equals), Number(event.slice(equals + 1))];
        }),
    ),
  };
}

/** By what a change is recognised in the kernel. */
export interface Sign {
  /** nft: what must have happened, in one transaction or several, in any order. */
  readonly events: readonly string[];
  /** legacy: by how much entries of the nat table become more (or less, below zero). */
  readonly entries: number;
}
