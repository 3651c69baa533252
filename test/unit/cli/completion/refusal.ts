import { readFileSync } from 'node:fs';
import type { Command } from '../../../../src/cli/command.ts';
import { loadCommand, UsageError } from '../../../../src/config/load.ts';

/**
 * Why a command does not take these words.
 * @throws Error where it does, or fails in another way than by wrong usage
 */
export async function refusalOf(command: Command, argv: readonly string[]): Promise<string> {
  try {
    const loaded = loadCommand(command, argv, {
      readFile: (path) => readFileSync(path, 'utf8'),
      hostname: () => 'node-1',
    });
    if (loaded.kind === 'call') await command.run(loaded);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  throw new Error(`fairlead ${command.name} takes ${argv.join(' ')}`);
}
