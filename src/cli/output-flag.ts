import { commandFlag } from '../config/flag.ts';
import { choiceKind } from '../config/kinds.ts';

/** `--output` of all commands that answer for people and for programs. */
export const OUTPUT = commandFlag<'text' | 'json'>(
  'output',
  'text for people, or json',
  choiceKind<'text' | 'json'>('format', ['text', 'json']),
  'text',
  { short: 'o' },
);
