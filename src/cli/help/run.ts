import { unknownCommandText } from '../../config/command-line.ts';
import { commandHelp, helpText } from '../../config/help.ts';
import { UsageError } from '../../config/usage.ts';
import type { CommandCall } from '../command.ts';
import { COMMANDS } from '../commands.ts';
import { print } from '../output.ts';
import { FORMAT } from './command.ts';
import { manPageOf } from './man-page.ts';
import { manual } from './manual.ts';
import { markdownOf } from './markdown.ts';

/** Prints help. */
export async function runHelp({ operands, value }: CommandCall): Promise<number> {
  const [name, stray] = operands;
  if (stray !== undefined)
    throw new UsageError(`fairlead help takes one command: ${JSON.stringify(stray)} is one more`);
  const command = COMMANDS.find((each) => each.name === name);
  if (name !== undefined && !command) {
    throw new UsageError(
      unknownCommandText(
        name,
        COMMANDS.map((each) => each.name),
      ),
    );
  }
  const format = value(FORMAT);
  if (format === 'text') {
    await print(command ? commandHelp(command) : helpText(COMMANDS));
    return 0;
  }
  if (command) throw new UsageError(`--output=${format} has the whole manual: it takes no command`);
  const sections = manual(COMMANDS);
  await print(format === 'man' ? manPageOf(sections) : markdownOf(sections));
  return 0;
}
