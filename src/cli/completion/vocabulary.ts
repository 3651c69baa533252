import { isSwitch } from '../../config/command-line.ts';
import type { Flag } from '../../config/flag.ts';
import { FLAGS, IDLE_GROUP } from '../../config/flags.ts';
import { COMMANDS_DO_NOT_TAKE } from '../../config/load.ts';
import type { Command } from '../command.ts';
import { SHELLS } from './command.ts';

/** What can be typed behind `fairlead`. */
export interface Vocabulary {
  /** Without a command. */
  readonly flags: readonly FlagWords[];
  readonly commands: readonly CommandWords[];
}

export interface CommandWords {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly FlagWords[];
  /** Operands, where they are a few words; undefined: anything. */
  readonly operands: readonly string[] | undefined;
}

export interface FlagWords {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly short: string | undefined;
  readonly help: string;
  readonly value: ValueWords;
}

/** What may follow a flag. `none`: it is a switch. */
export type ValueWords =
  | { readonly kind: 'none' | 'file' | 'folder' | 'text' }
  | { readonly kind: 'choice'; readonly choices: readonly string[] };

/** The words of all commands and flags, but for what is only accepted for kube-proxy's sake. */
export function vocabulary(commands: readonly Command[]): Vocabulary {
  const general = FLAGS.filter(({ group, deprecated }) => group !== IDLE_GROUP && deprecated === undefined);
  const shared = general.filter(({ name }) => !COMMANDS_DO_NOT_TAKE.has(name));
  const operands: Readonly<Record<string, readonly string[]>> = {
    completion: SHELLS,
    help: commands.map(({ name }) => name),
  };
  return {
    flags: general.map(flagWords),
    commands: commands.map(({ name, summary, flags }) => ({
      name,
      summary,
      flags: [...flags, ...shared.filter((flag) => !flags.some((own) => own.name === flag.name))].map(
        flagWords,
      ),
      operands: operands[name],
    })),
  };
}

/** Long names of flags, as they are typed. */
export function longNames({ name, aliases }: FlagWords): readonly string[] {
  return [name, ...aliases].map((each) => `--${each}`);
}

/** All names of flags. */
export function allNames(flag: FlagWords): readonly string[] {
  return flag.short === undefined ? longNames(flag) : [...longNames(flag), `-${flag.short}`];
}

function flagWords(flag: Flag): FlagWords {
  const { name, aliases, short, help } = flag;
  return { name, aliases, short: short === name ? undefined : short, help, value: valueWords(flag) };
}

function valueWords(flag: Flag): ValueWords {
  const { choices, placeholder } = flag.kind;
  if (isSwitch(flag)) return { kind: 'none' };
  if (choices) return { kind: 'choice', choices };
  return { kind: placeholder === 'file' || placeholder === 'folder' ? placeholder : 'text' };
}
