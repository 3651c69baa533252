import type { Clock } from '../../cluster/clock.ts';
import type { ConversationExec } from '../exec.ts';
import { KeptProgram } from '../kept-program.ts';

export interface NftSessionOptions {
  readonly exec: ConversationExec;
  readonly path: string;
  readonly clock: Clock;
}

/** Characters of a payload that the interactive nft, which reads them one by one, still takes in no time. */
const LONGEST = 8_192;

/**
 * A long-lived `nft -i`, which takes small transactions. It answers only in case of an error, so that each
 * transaction is followed by a mark that is none of its language: what it says before it complains about the mark is
 * about the transaction.
 */
export class NftSession {
  readonly #program: KeptProgram;

  constructor({ exec, path, clock }: NftSessionOptions) {
    this.#program = new KeptProgram({ exec, program: path, args: ['-i'], hears: 'stderr', clock });
  }

  /** @returns whether the transaction is certain to be applied */
  async apply(payload: string, signal: AbortSignal): Promise<boolean> {
    if (payload.length > LONGEST || !this.#program.isFree || signal.aborted) return false;
    let mark: string;
    let said = 0;
    const answer = await this.#program.ask(
      (number) => {
        mark = `fairlead-${number}`;
        return `${payload.trimEnd().replaceAll('\n', '; ')}\n${mark}\n`;
      },
      (line) => {
        if (line === mark) return said === ABOUT_THE_MARK ? 'applied' : 'refused';
        // Where in a line the error is: also of the mark before, whose complaint ends with that.
        if (!/^[\s^~]*$/.test(line)) said++;
        return undefined;
      },
      signal,
    );
    if (answer === undefined) this.#program.failed();
    else this.#program.worked();
    return answer === 'applied';
  }
}

/** Lines before it repeats the mark: that it is no command. */
const ABOUT_THE_MARK = 1;
