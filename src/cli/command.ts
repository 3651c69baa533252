import type { CommandText } from '../config/help.ts';
import type { LoadedCommand } from '../config/load.ts';

/** One way of asking about a cluster and a node: `fairlead NAME ...`. */
export interface Command extends CommandText {
  /**
   * @returns the exit code: 0, or 1 where what was looked for is wrong
   * @throws UsageError (exit code 2) where operands or flags are wrong; RuntimeFailure and others end with 1
   */
  run(call: CommandCall): Promise<number>;
}

/** What the command line of a command says. */
export type CommandCall = Extract<LoadedCommand, { kind: 'call' }>;
