import { commandFlag } from '../../config/flag.ts';
import { choiceKind } from '../../config/kinds.ts';
import type { Command } from '../command.ts';

export const FORMAT = commandFlag<'text' | 'markdown' | 'man'>(
  'output',
  'text for a terminal; or all of it as one page: in markdown, or for man',
  choiceKind<'text' | 'markdown' | 'man'>('format', ['text', 'markdown', 'man']),
  'text',
  { short: 'o' },
);

export const HELP: Command = {
  name: 'help',
  summary: 'what fairlead or one of its commands can do',
  usage: '[flags] [COMMAND]',
  description: 'Prints what --help prints, or the whole manual as one page.',
  flags: [FORMAT],
  examples: [
    { line: 'fairlead help diff', does: 'the same as fairlead diff --help' },
    { line: 'fairlead help --output=man | man -l -', does: 'the manual, as a manual page' },
  ],
  run: async (call) => await (await import('./run.ts')).runHelp(call),
};
