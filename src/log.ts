import { pino } from 'pino';
import type { Settings } from './config/settings.ts';

export type { Logger } from './cluster/observer.ts';

/** JSON lines on standard output, or text for people; more of them with a higher -v. */
export function createLogger({ loggingFormat, verbosity }: Settings) {
  const level = verbosity >= 4 ? 'trace' : verbosity >= 2 ? 'debug' : 'info';
  // Written at once: a line that is lost when the process dies is the one that would have told why.
  const destination = pino.destination({ dest: 1, sync: true });
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  return loggingFormat === 'json' ? pino(options, destination) : pino(options, textStream(destination));
}

/** `2026-01-02T03:04:05.678Z INFO  message key=value ...` */
function textStream(destination: { write(text: string): unknown }): { write(line: string): void } {
  return {
    write(line) {
      const { time, level, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
      const shown = Object.entries(fields).map(([key, value]) => ` ${key}=${showValue(value)}`);
      const name = pino.levels.labels[Number(level)]?.toUpperCase().padEnd(5) ?? String(level);
      destination.write(`${String(time)} ${name} ${String(msg)}${shown.join('')}\n`);
    },
  };
}

function showValue(value: unknown): string {
  return typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}
