import type { Clock } from '../../cluster/clock.ts';
import type { Conversation, ConversationExec } from '../exec.ts';

export interface RestoreSessionOptions {
  readonly exec: ConversationExec;
  /** `iptables-nft-restore`, or that of IPv6. */
  readonly program: string;
  readonly clock: Clock;
}

/** Characters of a payload above which the start of a program is no matter, but the memory that it keeps is. */
const LONGEST = 65_536;
/** ms without work after which it is let go, with the memory that it has. */
const IDLE_MS = 10_000;
/** ms that an answer may take; one takes 0.1 s beside 20,000 Services. */
const ANSWER_MS = 10_000;
/** Failures in a row after which it is given up for good, as it is after the first answer that never comes. */
const PATIENCE = 5;

/**
 * A long-lived iptables-nft-restore. It applies each COMMIT as it reads it, and reads the kernel anew for each: what
 * others write meanwhile is seen. So a small change costs neither a start of the program nor a fork, which copies
 * the page tables of all memory that Fairlead has.
 *
 * It ends at the first error, and otherwise says nothing; but comments it repeats (--verbose), and one after the
 * COMMIT is its answer. It never has the last word: whatever is not certain to be applied is left to a program that
 * is started for it, which names lines and has an exit code.
 */
export class RestoreSession {
  readonly #options: RestoreSessionOptions;
  #open: Open | undefined;
  #marks = 0;
  #failures = 0;
  /** It has answered once: this version does. */
  #proven = false;

  constructor(options: RestoreSessionOptions) {
    this.#options = options;
  }

  /**
   * Applies a payload, if it is of a kind that it takes, which is a single small COMMIT: the kernel has it whole or
   * not at all.
   * @param otherwise applies the payload in another way, where it is not certain to be applied
   */
  async apply(payload: string, signal: AbortSignal, otherwise: () => Promise<void>): Promise<void> {
    const isSingle = payload.indexOf(COMMIT) === payload.length - COMMIT.length;
    if (!isSingle || payload.length > LONGEST || this.#failures >= PATIENCE || signal.aborted) {
      return await otherwise();
    }
    const open = this.#open ?? this.#start(signal);
    if (open.waiting) return await otherwise();
    this.#proven ||= await this.#ask(open, '');
    if (this.#proven && (await this.#ask(open, payload))) {
      this.#failures = 0;
      return;
    }
    await otherwise();
    // So it was not the payload.
    this.#failures++;
  }

  /** @returns whether it has taken the text */
  async #ask(open: Open, text: string): Promise<boolean> {
    const { clock } = this.#options;
    const mark = `# fairlead-${this.#marks++}`;
    open.cancelTimer();
    const answered = await new Promise<boolean>((resolve) => {
      open.waiting = { mark, resolve };
      open.cancelTimer = clock.after(ANSWER_MS, () => {
        this.#failures = PATIENCE;
        open.end();
      });
      if (open.conversation) open.conversation.say(`${text}${mark}\n`);
      else open.end();
    });
    open.cancelTimer();
    if (this.#open === open) open.cancelTimer = clock.after(IDLE_MS, () => open.end());
    return answered;
  }

  #start(signal: AbortSignal): Open {
    const { exec, program } = this.#options;
    const open: Open = {
      conversation: undefined,
      waiting: undefined,
      cancelTimer: () => {},
      end: () => {
        signal.removeEventListener('abort', open.end);
        open.cancelTimer();
        if (this.#open === open) this.#open = undefined;
        open.waiting?.resolve(false);
        open.waiting = undefined;
        open.conversation?.end();
      },
    };
    this.#open = open;
    signal.addEventListener('abort', open.end, { once: true });
    open.conversation = exec.converse(program, ['--noflush', '--verbose'], {
      onLine: (line) => {
        const { waiting } = open;
        if (line !== waiting?.mark) return;
        open.waiting = undefined;
        waiting.resolve(true);
      },
      // Whoever is started in its place says it again.
      onErrorLine: () => {},
      onEnd: open.end,
    });
    return open;
  }
}

const COMMIT = '\nCOMMIT\n';

interface Open {
  conversation: Conversation | undefined;
  waiting: { readonly mark: string; readonly resolve: (answered: boolean) => void } | undefined;
  /** Of the answer that is waited for, or of the rest. */
  cancelTimer: () => void;
  readonly end: () => void;
}
