import type { Clock } from '../../cluster/clock.ts';
import type { Conversation, ConversationExec } from '../exec.ts';

export interface NftSessionOptions {
  readonly exec: ConversationExec;
  readonly path: string;
  readonly clock: Clock;
}

/** Characters of a payload that the interactive nft, which reads them one by one, still takes in no time. */
const LONGEST = 8_192;
/** ms without work after which nft is let go, with the memory that it has. */
const IDLE_MS = 10_000;
/** ms that an answer may take; one takes 0.4 s where the table and the load are big. */
const ANSWER_MS = 10_000;
/**
 * Deaths in a row after which the session is given up for good, as it is after the first answer that never comes:
 * this nft is not for talking.
 */
const PATIENCE = 5;

/**
 * A long-lived `nft -i`, which takes small transactions without the time that a program needs to start. It answers
 * only in case of an error, so that each transaction is followed by a mark that is none of its language: what it
 * says before it complains about the mark is about the transaction.
 *
 * It never has the last word. Whatever is not certain to be applied is left to `nft -f`, which names lines and has
 * an exit code.
 */
export class NftSession {
  readonly #options: NftSessionOptions;
  #open: Open | undefined;
  #marks = 0;
  #failures = 0;

  constructor(options: NftSessionOptions) {
    this.#options = options;
  }

  /** @returns whether the transaction is certain to be applied */
  async apply(payload: string, signal: AbortSignal): Promise<boolean> {
    if (payload.length > LONGEST || this.#failures >= PATIENCE || signal.aborted) return false;
    const open = this.#open ?? this.#start(signal);
    if (open.waiting) return false;
    const { clock } = this.#options;
    open.cancelIdle();
    const mark = `fairlead-${this.#marks++}`;
    const outcome = await new Promise<Outcome>((resolve) => {
      open.waiting = { mark, said: [], resolve };
      const cancel = clock.after(ANSWER_MS, () => {
        this.#failures = PATIENCE;
        open.end();
      });
      open.cancelIdle = cancel;
      open.conversation?.say(`${payload.trimEnd().replaceAll('\n', '; ')}\n${mark}\n`);
    });
    open.cancelIdle();
    if (this.#open === open) open.cancelIdle = clock.after(IDLE_MS, () => open.end());
    this.#failures = outcome === 'gone' ? this.#failures + 1 : 0;
    return outcome === 'applied';
  }

  #start(signal: AbortSignal): Open {
    const { exec, path } = this.#options;
    const open: Open = {
      conversation: undefined,
      waiting: undefined,
      cancelIdle: () => {},
      end: () => {
        signal.removeEventListener('abort', open.end);
        open.cancelIdle();
        if (this.#open === open) this.#open = undefined;
        open.waiting?.resolve('gone');
        open.waiting = undefined;
        open.conversation?.end();
      },
    };
    this.#open = open;
    signal.addEventListener('abort', open.end, { once: true });
    open.conversation = exec.converse(path, ['-i'], {
      onErrorLine: (line) => hear(open, line),
      onEnd: open.end,
    });
    return open;
  }
}

/** `gone`: nobody knows. */
type Outcome = 'applied' | 'refused' | 'gone';

interface Open {
  conversation: Conversation | undefined;
  waiting: Waiting | undefined;
  cancelIdle: () => void;
  readonly end: () => void;
}

interface Waiting {
  readonly mark: string;
  readonly said: string[];
  readonly resolve: (outcome: Outcome) => void;
}

function hear(open: Open, line: string): void {
  const { waiting } = open;
  // Where in a line the error is: also of the mark before, whose complaint ends with that.
  if (!waiting || /^[\s^~]*$/.test(line)) return;
  if (line !== waiting.mark) {
    waiting.said.push(line);
    return;
  }
  open.waiting = undefined;
  // The last thing said is that the mark is no command.
  waiting.resolve(waiting.said.length === 1 ? 'applied' : 'refused');
}
