import { Command, Option } from 'commander';
import type { Flag } from './flag.ts';
import { FLAGS } from './flags.ts';
import { nearest, Refused, refusalText, UsageError } from './usage.ts';

/** A flag that was given, with what it says. */
export interface Given {
  readonly flag: Flag;
  /** As it was typed, without a value: `--mode`. */
  readonly typed: string;
  /** As it was typed, with its value: `--mode=ipvs`. */
  readonly text: string;
  /** What its kind made of the value. */
  readonly value: unknown;
}

/** A command line without the program's name. */
export interface CommandLine {
  readonly given: readonly Given[];
  /** Words that are neither flags nor their values, in order. */
  readonly operands: readonly string[];
}

/**
 * The flags of a command line that has nothing else.
 * @param commands what could have been meant by a word that is none
 * @throws UsageError
 */
export function parseCommandLine(
  argv: readonly string[],
  commands: readonly string[] = [],
): readonly Given[] {
  const { given, operands } = parseWords(argv, FLAGS);
  const [stray] = operands;
  if (stray !== undefined) throw new UsageError(strayText(stray, stray === argv[0], commands));
  return given;
}

/** A word in a command's place that is none. */
export function unknownCommandText(word: string, commands: readonly string[]): string {
  const meant = nearest(word, commands);
  const hint = meant === undefined ? 'fairlead help lists them' : `did you mean ${meant}?`;
  return `${JSON.stringify(word)} is no command of fairlead, ${hint}`;
}

/**
 * A command line by pflag's rules: `--flag value` or `--flag=value`, a switch takes no next word, `-v2`, `_` is `-`
 * in names, and the last one counts unless the flag is a list.
 * @throws UsageError
 */
export function parseWords(argv: readonly string[], flags: readonly Flag[]): CommandLine {
  const { words, typed } = spelledOut(argv, flags);
  const texts = new Map<Flag, string[]>();
  const command = new Command().helpOption(false).allowExcessArguments();
  for (const flag of flags) {
    const collect = (text: string) => texts.set(flag, [...(texts.get(flag) ?? []), text]);
    command.addOption(new Option(`--${flag.name} <value>`).argParser(collect));
  }
  command.parse(words, { from: 'user' });
  const given = [...texts].map(([flag, values]) => {
    const name = typed.get(flag) ?? `--${flag.name}`;
    const value = flag.kind.parse(values);
    if (value instanceof Refused) throw new UsageError(refusalText(name, value));
    const shown = isSwitch(flag) && values.at(-1) === 'true' ? '' : `=${values.join(',')}`;
    return { flag, typed: name, text: name + shown, value };
  });
  return { given, operands: command.args };
}

/** A switch takes a value only behind `=`. */
export function isSwitch(flag: Flag): boolean {
  return flag.kind.placeholder === '';
}

/** The same command line with every flag as one word, `--name=value`, in the name that `flags` have for it. */
function spelledOut(
  argv: readonly string[],
  flags: readonly Flag[],
): { words: string[]; typed: Map<Flag, string> } {
  const words: string[] = [];
  const typed = new Map<Flag, string>();
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index] ?? '';
    if (word === '--') {
      words.push(...argv.slice(index));
      break;
    }
    // The arrow of `explain`, for keyboards that have none.
    if (word === '->') {
      words.push('→');
      continue;
    }
    const [, dashes, name, value] = /^(--?)(?=[^-])([^=]*)(?:=(.*))?$/s.exec(word) ?? [];
    if (name === undefined) {
      words.push(word);
      continue;
    }
    const match = dashes === '--' ? longFlag(name, flags) : shortFlag(name, value, flags);
    if (match === undefined) throw new UsageError(unknownText(word.split('=')[0] ?? word, name, flags));
    let text = match.value ?? value;
    if (text === undefined) {
      if (isSwitch(match.flag)) text = 'true';
      else if (index + 1 < argv.length) text = argv[++index] ?? '';
      else
        throw new UsageError(
          `${match.typed} must have a value: ${match.typed}=${match.flag.kind.placeholder}`,
        );
    }
    typed.set(match.flag, match.typed);
    words.push(`--${match.flag.name}=${text}`);
  }
  return { words, typed };
}

interface Match {
  readonly flag: Flag;
  readonly typed: string;
  /** A value that stands right behind a single letter. */
  readonly value?: string | undefined;
}

function longFlag(name: string, flags: readonly Flag[]): Match | undefined {
  const normal = name.replaceAll('_', '-');
  const flag = flags.find((candidate) => candidate.name === normal || candidate.aliases.includes(normal));
  return flag && { flag, typed: `--${name}` };
}

function shortFlag(name: string, value: string | undefined, flags: readonly Flag[]): Match | undefined {
  const letter = name.slice(0, 1);
  const flag = flags.find((candidate) => candidate.short === letter);
  if (flag === undefined || (name.length > 1 && isSwitch(flag))) return undefined;
  const behind = name.slice(1) + (value === undefined ? '' : `=${value}`);
  return { flag, typed: `-${letter}`, value: name.length > 1 ? behind : value };
}

function unknownText(typed: string, name: string, flags: readonly Flag[]): string {
  const known = flags.flatMap((flag) => [flag.name, ...flag.aliases]);
  const meant = nearest(name.replaceAll('_', '-'), known);
  return `${typed} is no flag of fairlead${meant === undefined ? ', --help lists them' : `, did you mean --${meant}?`}`;
}

function strayText(word: string, isFirst: boolean, commands: readonly string[]): string {
  if (commands.includes(word))
    return `${JSON.stringify(word)} is a command, which comes first: fairlead ${word}`;
  if (isFirst && commands.length > 0) return unknownCommandText(word, commands);
  const hint = ['true', 'false'].includes(word)
    ? `: a switch takes its value behind "=", as in --dry-run=${word}`
    : '';
  return `${JSON.stringify(word)} is neither a flag nor the value of one${hint}`;
}
