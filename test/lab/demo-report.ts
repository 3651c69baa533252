import type { Answer } from './probe-protocol.ts';

const BAR_WIDTH = 40;

/** Writes plain text for people: sections, counts with bars, aligned columns. */
export class DemoReport {
  readonly #out: { write(text: string): unknown };
  #sections = 0;

  constructor(out: { write(text: string): unknown }) {
    this.#out = out;
  }

  say(text = ''): void {
    this.#out.write(`${text}\n`);
  }

  section(title: string): void {
    this.#sections += 1;
    this.say(`\n${this.#sections}. ${title}\n`);
  }

  /** Lines that belong to the section, indented. */
  detail(...lines: readonly string[]): void {
    for (const line of lines) this.say(line === '' ? '' : `   ${line}`);
  }

  /** Rows in columns, each as wide as its widest cell; the last is not padded. */
  columns(rows: readonly (readonly string[])[]): void {
    const widths: number[] = [];
    for (const row of rows) {
      for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
    }
    for (const row of rows)
      this.detail(
        row
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join('  ')
          .trimEnd(),
      );
  }

  /** Who answered how often, as bars; failures appear under their names. */
  shares(title: string, answers: readonly Answer[], pods: readonly string[]): void {
    const failures = answers.flatMap((answer) => ('error' in answer ? [answer.error] : []));
    const names = [...pods, ...new Set(failures)];
    const times = answers.map((answer) => answer.ms).sort((a, b) => a - b);
    const median = times[Math.floor(times.length / 2)] ?? 0;
    this.detail(
      `${title}: ${answers.length} requests, ${failures.length} failed, median ${median.toFixed(1)} ms`,
    );
    const width = Math.max(...names.map((name) => name.length));
    for (const name of names) {
      const count = answers.filter((answer) => ('pod' in answer ? answer.pod : answer.error) === name).length;
      const bar = '#'.repeat(Math.round((count / Math.max(1, answers.length)) * BAR_WIDTH));
      this.detail(`   ${name.padEnd(width)}  ${String(count).padStart(4)}  ${bar}`.trimEnd());
    }
  }
}
