import type { Ledger } from '../../../rules/ipvs/adopt.ts';
import { isDraining, serverOf, serviceArguments, splitKey } from '../../../rules/ipvs/objects.ts';
import { type Clock, pause } from '../../cluster/clock.ts';
import type { Logger } from '../../cluster/observer.ts';
import { DataplaneError } from '../dataplane.ts';
import type { IpvsTools } from './tools.ts';

/** ms between two looks at the connections of servers that drain. */
const PERIOD_MS = 60_000;

/**
 * Knows which real servers of one IP family drain, and finds out when their last connections have ended. All of it is
 * in the kernel, as weight 0: a restart goes on where it was.
 */
export class Drain {
  readonly #tools: IpvsTools;
  /** By the virtual server's key: real servers, and whether they have been seen without connections. */
  readonly #servers = new Map<string, Map<string, boolean>>();

  constructor(tools: IpvsTools) {
    this.#tools = tools;
  }

  /** Servers that drain, drained ones among them. */
  get size(): number {
    let count = 0;
    for (const servers of this.#servers.values()) count += servers.size;
    return count;
  }

  /** Virtual servers with servers that are drained and may go. */
  get finished(): readonly string[] {
    return [...this.#servers]
      .filter(([, servers]) => [...servers.values()].some(Boolean))
      .map(([key]) => key);
  }

  isDrained(virtual: string, server: string): boolean {
    return this.#servers.get(virtual)?.get(server) ?? false;
  }

  /** Everything was read from the kernel. */
  reset(ledger: Ledger): void {
    this.#servers.clear();
    for (const [key, text] of ledger) this.note(key, text);
  }

  /** This is in the kernel now. */
  note(key: string, text: string | undefined): void {
    if (!key.startsWith('virtual tcp ')) return;
    const known = this.#servers.get(key);
    if (!known && !text?.includes(' -w 0')) return;
    const draining = (text ?? '').split('\n').filter(isDraining).map(serverOf);
    if (draining.length === 0) this.#servers.delete(key);
    else this.#servers.set(key, new Map(draining.map((server) => [server, known?.get(server) ?? false])));
  }

  /** Looks at the connections of all that drains. @returns whether something is drained. @throws DataplaneError */
  async look(signal: AbortSignal): Promise<boolean> {
    for (const [key, servers] of [...this.#servers]) {
      const found = await this.#tools.connections(serviceArguments(splitKey(key).rest), signal);
      for (const server of servers.keys()) {
        const connections = found?.find((entry) => entry.server === server);
        servers.set(server, !connections || connections.active + connections.inactive === 0);
      }
    }
    return this.finished.length > 0;
  }

  /** Looks every minute as long as something drains. @param drained called when something may be removed */
  async run(drained: () => void, clock: Clock, logger: Logger, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await pause(clock, PERIOD_MS, signal);
      if (signal.aborted || this.#servers.size === 0) continue;
      try {
        if (await this.look(signal)) drained();
      } catch (error) {
        if (!(error instanceof DataplaneError)) throw error;
        if (!signal.aborted)
          logger.warn({ code: error.code }, `look at draining endpoints: ${error.message}`);
      }
    }
  }
}
