import type { Clock } from '../cluster/clock.ts';
import type { Conversation, ConversationExec } from './exec.ts';

export interface KeptProgramOptions {
  readonly exec: ConversationExec;
  readonly program: string;
  readonly args: readonly string[];
  /** Where it says what is listened to. */
  readonly hears: 'stdout' | 'stderr';
  readonly clock: Clock;
}

/** ms without work after which it is let go, with the memory that it has. */
const IDLE_MS = 10_000;
/** ms that an answer may take; one takes up to 0.4 s where there are 20,000 Services, or much load. */
const ANSWER_MS = 10_000;
/**
 * Failures in a row after which it is given up for good: this version is not for talking. So it is where the very
 * first answer never comes, or the second time in a row that one does not: changes wait for as long.
 */
const PATIENCE = 5;

/**
 * A program that is kept while there is work, so that small payloads come without the time that a start takes. It
 * never has the last word: whatever is not certain to be applied is left to a program that is started for it, which
 * names lines and has an exit code.
 */
export class KeptProgram {
  readonly #options: KeptProgramOptions;
  #open: Open | undefined;
  #marks = 0;
  #failures = 0;
  #hasAnswered = false;

  constructor(options: KeptProgramOptions) {
    this.#options = options;
  }

  /** It has no text in hand, and has not been given up. */
  get isFree(): boolean {
    return this.#failures < PATIENCE && this.#open?.waiting === undefined;
  }

  /** It is of use: failures before count no more. */
  worked(): void {
    this.#failures = 0;
  }

  failed(): void {
    this.#failures++;
  }

  /**
   * Gives it a text, to be called while it is free.
   * @param text made of a number that no other text has
   * @param hear is given each line until it makes something of one
   * @returns what that is; undefined where the program was gone before, or was ended for its silence
   */
  async ask<T>(
    text: (mark: number) => string,
    hear: (line: string) => T | undefined,
    signal: AbortSignal,
  ): Promise<T | undefined> {
    const { clock } = this.#options;
    const open = this.#open ?? this.#start(signal);
    open.cancelTimer();
    const answer = await new Promise<T | undefined>((resolve) => {
      open.waiting = {
        gone: () => resolve(undefined),
        hear: (line) => {
          const heard = hear(line);
          if (heard === undefined) return;
          open.waiting = undefined;
          this.#hasAnswered = true;
          resolve(heard);
        },
      };
      open.cancelTimer = clock.after(ANSWER_MS, () => {
        this.#failures += this.#hasAnswered ? PATIENCE - 2 : PATIENCE;
        open.end();
      });
      if (this.#open === open) open.conversation?.say(text(this.#marks++));
      else open.end();
    });
    open.cancelTimer();
    if (this.#open === open) open.cancelTimer = clock.after(IDLE_MS, () => open.end());
    return answer;
  }

  #start(signal: AbortSignal): Open {
    const { exec, program, args, hears } = this.#options;
    const open: Open = {
      conversation: undefined,
      waiting: undefined,
      cancelTimer: () => {},
      end: () => {
        signal.removeEventListener('abort', open.end);
        open.cancelTimer();
        if (this.#open === open) this.#open = undefined;
        open.waiting?.gone();
        open.waiting = undefined;
        open.conversation?.end();
      },
    };
    this.#open = open;
    signal.addEventListener('abort', open.end, { once: true });
    const hear = (line: string): void => open.waiting?.hear(line);
    open.conversation = exec.converse(program, args, {
      onErrorLine: hears === 'stderr' ? hear : () => {},
      ...(hears === 'stdout' && { onLine: hear }),
      onEnd: open.end,
    });
    return open;
  }
}

interface Open {
  conversation: Conversation | undefined;
  waiting: { readonly hear: (line: string) => void; readonly gone: () => void } | undefined;
  /** Of the answer that is waited for, or of the rest. */
  cancelTimer: () => void;
  readonly end: () => void;
}
