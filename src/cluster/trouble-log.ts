import type { Clock } from './clock.ts';
import type { ClusterError } from './errors.ts';
import type { Logger } from './observer.ts';
import type { Kind } from './source.ts';

interface Trouble {
  readonly since: number;
  readonly kinds: Set<Kind>;
}

/**
 * One line when the API server is lost, whichever watch notices, and one when all are back; what concerns a kind
 * alone (a missing role, say) has its own two lines. Retries in between are for the debug level.
 */
export class TroubleLog {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #open = new Map<string, Trouble>();

  constructor(logger: Logger, clock: Clock) {
    this.#logger = logger;
    this.#clock = clock;
  }

  failed(kind: Kind, error: ClusterError): void {
    const name = nameOf(kind, error);
    const trouble = this.#open.get(name);
    if (trouble !== undefined) {
      trouble.kinds.add(kind);
      this.#logger.debug({ kind, code: error.code }, error.message);
      return;
    }
    this.#open.set(name, { since: this.#clock.now(), kinds: new Set([kind]) });
    this.#logger.warn({ kind, code: error.code }, `${error.message}; all rules stay as they are, retrying`);
  }

  /** This kind is followed again. */
  recovered(kind: Kind): void {
    for (const [name, { kinds, since }] of this.#open) {
      if (!kinds.delete(kind) || kinds.size > 0) continue;
      this.#open.delete(name);
      const seconds = Math.round((this.#clock.now() - since) / 1000);
      this.#logger.info({ kind, seconds }, `followed again after ${seconds} s: ${name}`);
    }
  }
}

/** Troubles of one name are one trouble. */
function nameOf(kind: Kind, { code }: ClusterError): string {
  return code === 'forbidden' || code === 'absent' || code === 'protocol' ? kind : 'the API server';
}
