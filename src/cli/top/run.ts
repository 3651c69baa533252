import { pause, systemClock } from '../../cluster/clock.ts';
import { hostPortText, parseHostPort } from '../../config/network-kinds.ts';
import { UsageError } from '../../config/usage.ts';
import { messageOf } from '../../failure.ts';
import type { NodeState } from '../../ui/state.ts';
import type { CommandCall } from '../command.ts';
import { plain, print, toned } from '../output.ts';
import { ADDRESS, INTERVAL, ONCE } from './command.ts';
import { type FrameLine, frameLines } from './frame.ts';
import { Screen } from './screen.ts';
import { fetchState } from './state-source.ts';

/** Looks at a running proxy, once or until somebody has seen enough. */
export async function runTop({ settings, operands, value }: CommandCall): Promise<number> {
  const [operand] = operands;
  if (operand !== undefined) {
    throw new UsageError(
      `fairlead top shows one node: ${JSON.stringify(operand)} has no meaning, see --address`,
    );
  }
  const address = reachable(value(ADDRESS) || settings.config.metricsBindAddress);
  if (value(ONCE) || !process.stdout.isTTY) {
    const state = await fetchState(address, new AbortController().signal);
    await print(
      frameLines(state)
        .map((line) => `${shown(line)}\n`)
        .join(''),
    );
    return 0;
  }
  await follow(address, value(INTERVAL));
  return 0;
}

/** Where a server that is bound to this can be asked. */
function reachable(bound: string): string {
  const { host, port } = parseHostPort(bound) ?? {};
  if (host === undefined || port === undefined) {
    throw new UsageError('--metrics-bind-address is empty: there is nobody to ask, --address names another');
  }
  if (host === '0.0.0.0') return `127.0.0.1:${port}`;
  return host === '::' ? `[::1]:${port}` : hostPortText(host, port);
}

async function follow(address: string, interval: number): Promise<void> {
  const stop = new AbortController();
  const quit = (): void => stop.abort();
  let state: NodeState | undefined;
  let failure: string | undefined;
  const draw = (): void => {
    const lines = liveLines(state, failure, address, screen.rows);
    screen.draw(lines.map((line) => shown({ ...line, text: fitted(line.text, screen.columns) })));
  };
  const screen = new Screen(process.stdout, process.stdin, { quit, resized: () => draw() });
  for (const signal of SIGNALS) process.on(signal, quit);
  try {
    while (!stop.signal.aborted) {
      try {
        state = await fetchState(address, stop.signal);
        failure = undefined;
      } catch (error) {
        failure = messageOf(error);
      }
      if (stop.signal.aborted) break;
      draw();
      await pause(systemClock, interval, stop.signal);
    }
  } finally {
    for (const signal of SIGNALS) process.off(signal, quit);
    screen.close();
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** The last known state stays while nobody answers, and says so. */
function liveLines(
  state: NodeState | undefined,
  failure: string | undefined,
  address: string,
  rows: number,
): readonly FrameLine[] {
  const foot: FrameLine = failure
    ? { text: failure, tone: 'bad' }
    : { text: `${address}  q quits`, tone: 'faint' };
  const lines = state ? frameLines(state, rows - 1) : [];
  const padding = Array.from({ length: Math.max(0, rows - 1 - lines.length) }, () => ({ text: '' }));
  return [...lines, ...padding, foot];
}

/** What tools have said may hold anything: terminals shall not take it for commands. */
function shown({ text, tone }: FrameLine): string {
  return tone === undefined ? plain(text) : toned(tone, plain(text));
}

/** All characters of a frame are one column wide. */
function fitted(text: string, columns: number): string {
  const characters = [...text];
  return characters.length <= columns ? text : `${characters.slice(0, Math.max(0, columns - 1)).join('')}…`;
}
