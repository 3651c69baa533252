import type { Command } from './command.ts';
import { COMPLETION } from './completion/command.ts';
import { DIFF } from './diff/command.ts';
import { DOCTOR } from './doctor/command.ts';
import { EXPLAIN } from './explain/command.ts';
import { HELP } from './help/command.ts';
import { TOP } from './top/command.ts';

/** All commands, in the order of help. */
export const COMMANDS: readonly Command[] = [EXPLAIN, DIFF, DOCTOR, TOP, COMPLETION, HELP];
