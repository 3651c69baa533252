import { getSystemErrorMessage, stripVTControlCharacters, styleText } from 'node:util';
import { RuntimeFailure } from '../failure.ts';

/**
 * Writes to standard output, whole. Who has seen enough (`| head`) closes the pipe, which is no reason to fail.
 * @throws RuntimeFailure where it cannot be written for another reason
 */
export function print(text: string): Promise<void> {
  const { stdout } = process;
  // Without a listener the failure of a write would end the process, whatever its callback makes of it.
  const ignore = (): void => {};
  stdout.on('error', ignore);
  return new Promise<void>((resolve, reject) => {
    stdout.write(text, (error) => {
      const { code, errno } = (error ?? {}) as NodeJS.ErrnoException;
      if (!error || code === 'EPIPE') return resolve();
      const reason = errno === undefined ? error.message : getSystemErrorMessage(errno);
      reject(new RuntimeFailure('output', `standard output cannot be written: ${reason}`, { cause: error }));
    });
    // The 'error' event comes after the callback.
  }).finally(() => setImmediate(() => stdout.off('error', ignore)));
}

/** A line to standard error, where people read what programs that read standard output need not know. */
export function warn(message: string): void {
  process.stderr.write(`${plain(message)}\n`);
}

/**
 * A text from elsewhere, such as the API server, the kernel or a tool, as one line of visible characters: no terminal
 * shall take any of it for a command, nor people for another line.
 */
export function plain(text: string): string {
  return text.replaceAll(NOT_PLAIN, '?');
}

const NOT_PLAIN = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** What `--output json` prints: one value, indented. */
export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

/** A meaning, so that all commands show it in the same colour. */
export type Tone = 'good' | 'bad' | 'doubtful' | 'strong' | 'faint';

const FORMATS = {
  good: 'green',
  bad: 'red',
  doubtful: 'yellow',
  strong: 'bold',
  faint: 'dim',
} as const satisfies Record<Tone, Parameters<typeof styleText>[0]>;

/** The text in a colour, on a terminal only and unless NO_COLOR is set. */
export function toned(tone: Tone, text: string): string {
  return styleText(FORMATS[tone], text);
}

/** Rows with their columns aligned, a line each. The last column is as long as it is; colours take no room. */
export function alignedRows(rows: readonly (readonly string[])[], indent = ''): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.slice(0, -1).entries())
      widths[i] = Math.max(widths[i] ?? 0, visibleLength(cell));
  }
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) =>
        i === row.length - 1 ? cell : cell + ' '.repeat((widths[i] ?? 0) - visibleLength(cell)),
      )
      .join('  ')
      .trimEnd();
  return rows.map((row) => `${indent}${line(row)}\n`).join('');
}

function visibleLength(text: string): number {
  return [...stripVTControlCharacters(text)].length;
}
