import type { Clock } from '../../cluster/clock.ts';
import type { ConversationExec } from '../exec.ts';
import { KeptProgram } from '../kept-program.ts';

export interface RestoreSessionOptions {
  readonly exec: ConversationExec;
  /** `iptables-nft-restore`, or that of IPv6. */
  readonly program: string;
  readonly clock: Clock;
}

/**
 * Characters of a payload above which the start of a program is no matter, but the memory that it keeps is. The chain
 * of a Service with 9,000 endpoints has as many.
 */
const LONGEST = 1_048_576;

/**
 * A long-lived iptables-nft-restore. It applies each COMMIT as it reads it, and reads the kernel anew for each: what
 * others write meanwhile is seen. So a small change costs neither a start of the program nor a fork, which copies
 * the page tables of all memory that Fairlead has.
 *
 * It ends at the first error, and otherwise says nothing; but comments it repeats (--verbose), and one after the
 * COMMIT is its answer.
 */
export class RestoreSession {
  readonly #program: KeptProgram;
  /** It has answered once: this version does. */
  #proven = false;

  constructor({ exec, program, clock }: RestoreSessionOptions) {
    // What it complains about is said again by whoever is started in its place.
    this.#program = new KeptProgram({
      exec,
      program,
      args: ['--noflush', '--verbose'],
      hears: 'stdout',
      clock,
    });
  }

  /**
   * Applies a payload, if it is of a kind that it takes, which is a single small COMMIT: the kernel has it whole or
   * not at all.
   * @param otherwise applies the payload in another way, where it is not certain to be applied
   */
  async apply(payload: string, signal: AbortSignal, otherwise: () => Promise<void>): Promise<void> {
    const isSingle = payload.indexOf(COMMIT) === payload.length - COMMIT.length;
    if (!isSingle || payload.length > LONGEST || !this.#program.isFree || signal.aborted) {
      return await otherwise();
    }
    this.#proven ||= await this.#takes('', signal);
    if (this.#proven && (await this.#takes(payload, signal))) {
      this.#program.worked();
      return;
    }
    await otherwise();
    // So it was not the payload.
    this.#program.failed();
  }

  async #takes(text: string, signal: AbortSignal): Promise<boolean> {
    let mark: string;
    const answer = await this.#program.ask(
      (number) => {
        mark = `# fairlead-${number}`;
        return `${text}${mark}\n`;
      },
      (line) => (line === mark ? 'taken' : undefined),
      signal,
    );
    return answer === 'taken';
  }
}

const COMMIT = '\nCOMMIT\n';
