import { SectionBuilder } from '../iptables/payload.ts';
import { compareText } from '../topology.ts';
import type { Table } from './chains.ts';

/** The programs that take sections, always by standard input. */
export const TOOLS = ['ipset', 'iptables', 'ip', 'ipvsadm'] as const;
export type Tool = (typeof TOOLS)[number];

/** The input of one run of a tool. */
export interface Section {
  readonly tool: Tool;
  readonly text: string;
  /** Lines that change something. */
  readonly lines: number;
  /** What the ledger holds after it: key to text, undefined for what is gone. */
  readonly changes: ReadonlyMap<string, string | undefined>;
}

/** Collects lines in any order, and prints them by rank: the lower, the earlier. */
export class LineSection {
  readonly #tool: Tool;
  readonly #lines: { readonly rank: number; readonly line: string }[] = [];
  readonly #changes = new Map<string, string | undefined>();

  constructor(tool: Tool) {
    this.#tool = tool;
  }

  add(rank: number, line: string): void {
    this.#lines.push({ rank, line });
  }

  record(key: string, text: string | undefined): void {
    this.#changes.set(key, text);
  }

  build(): Section[] {
    if (this.#lines.length === 0) return [];
    const sorted = this.#lines.sort((a, b) => a.rank - b.rank);
    const text = sorted.map(({ line }) => `${line}\n`).join('');
    return [{ tool: this.#tool, text, lines: sorted.length, changes: this.#changes }];
  }
}

/** One payload of iptables-restore, a COMMIT for each table. */
export class TablesSection {
  readonly #tables = new Map<Table, SectionBuilder>();

  table(name: Table): SectionBuilder {
    const known = this.#tables.get(name) ?? new SectionBuilder(name);
    this.#tables.set(name, known);
    return known;
  }

  build(): Section[] {
    const sections = [...this.#tables].sort(([a], [b]) => compareText(a, b)).map(([, own]) => own.build());
    return sections.map(({ text, lines, changes }) => ({ tool: 'iptables', text, lines, changes }));
  }
}
