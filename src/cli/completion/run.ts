import { listing } from '../../config/kinds.ts';
import { Refused, refusalText, UsageError } from '../../config/usage.ts';
import type { CommandCall } from '../command.ts';
import { COMMANDS } from '../commands.ts';
import { print } from '../output.ts';
import { bashScript } from './bash.ts';
import { SHELLS, type Shell } from './command.ts';
import { fishScript } from './fish.ts';
import { type Vocabulary, vocabulary } from './vocabulary.ts';
import { zshScript } from './zsh.ts';

/** Prints the script of a shell. */
export async function runCompletion({ operands }: CommandCall): Promise<number> {
  const [name = '', ...more] = operands;
  const shell = SHELLS.find((each) => each === name);
  if (shell === undefined || more.length > 0) {
    const given = operands.join(' ');
    throw new UsageError(refusalText('fairlead completion: the shell', new Refused(given, listing(SHELLS))));
  }
  await print(SCRIPTS[shell](vocabulary(COMMANDS)));
  return 0;
}

const SCRIPTS: Readonly<Record<Shell, (words: Vocabulary) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};
