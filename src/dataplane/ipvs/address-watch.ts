import { Backoff } from '../../cluster/backoff.ts';
import { type Clock, pause } from '../../cluster/clock.ts';
import type { Logger } from '../../cluster/observer.ts';
import { ExecError, type LineExec } from '../exec.ts';
import { INTERFACE } from './tools.ts';

export interface AddressWatchOptions {
  readonly exec: LineExec;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** An address of the node came or went, or may have while nobody looked. */
  readonly changed: () => void;
}

/** ms in which changes that come together count as one. */
const QUIET_MS = 100;

/** Follows the addresses of all interfaces but kube-ipvs0 until the signal aborts. */
export async function watchAddresses(options: AddressWatchOptions, signal: AbortSignal): Promise<void> {
  const { exec, clock, logger, random, changed } = options;
  const backoff = new Backoff({ backoffMinMs: 1_000, backoffMaxMs: 60_000 }, random);
  let cancel: (() => void) | undefined;
  const onLine = (line: string): void => {
    // `7: kube-ipvs0    inet 10.96.0.1/32 …`, or `Deleted 2: eth0    inet …`. Other lines say more of the same.
    const [, device] = /^(?:Deleted )?\d+: ([^\s@]+)/.exec(line) ?? [];
    if (device === undefined || device === INTERFACE || cancel) return;
    cancel = clock.after(QUIET_MS, () => {
      cancel = undefined;
      changed();
    });
  };
  while (!signal.aborted) {
    const started = clock.now();
    try {
      await exec.lines('ip', ['-o', 'monitor', 'address'], onLine, { signal, timeout: 0 });
    } catch (error) {
      if (!(error instanceof ExecError)) throw error;
      if (!signal.aborted) logger.warn({}, `ip monitor address: ${error.message}`);
    }
    if (signal.aborted) break;
    if (clock.now() - started > 60_000) backoff.reset();
    await pause(clock, backoff.next(), signal);
    changed();
  }
  cancel?.();
}
