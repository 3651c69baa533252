import type { Kind } from './kinds.ts';
import { OUTSIDE, type Outside } from './outside.ts';
import { leaves, SCHEMA } from './schema.ts';

/** One flag of the command line: it sets fields of the configuration, or something outside of it, or nothing. */
export interface Flag {
  readonly name: string;
  /** Other names for it. */
  readonly aliases: readonly string[];
  /** A single letter. */
  readonly short: string | undefined;
  /** The heading that help has it under. */
  readonly group: string;
  readonly help: string;
  readonly kind: Kind<unknown>;
  readonly default: unknown;
  /** What help says of the default, where that is not the default's own text. */
  readonly defaultText: string | undefined;
  readonly target:
    | { readonly in: 'config'; readonly paths: readonly string[] }
    | { readonly in: 'outside'; readonly key: keyof Outside }
    /** One of a command's own. */
    | { readonly in: 'command' }
    | { readonly in: 'nothing' };
  /** What to use instead, for a flag that kube-proxy is about to drop. */
  readonly deprecated: string | undefined;
  /** kube-proxy, too, lets this one win over the configuration file. */
  readonly alwaysWins: boolean;
}

export type Options = Partial<Pick<Flag, 'aliases' | 'short' | 'defaultText' | 'deprecated' | 'alwaysWins'>>;
export type Ungrouped = Omit<Flag, 'group'>;

/** A flag for fields of the configuration: the first one's kind and default are the flag's. */
export function configFlag(
  paths: readonly string[],
  name: string,
  help: string,
  options?: Options,
): Ungrouped {
  const [, field] = [...leaves(SCHEMA)].find(([path]) => path === paths[0]) ?? [];
  if (field === undefined) throw new Error(`no such field: ${paths[0]}`);
  return flag(name, help, field.kind, field.default, { in: 'config', paths }, options);
}

export function outsideFlag(key: keyof Outside, name: string, help: string, options?: Options): Ungrouped {
  return flag(name, help, OUTSIDE[key].kind, OUTSIDE[key].default, { in: 'outside', key }, options);
}

/** A flag that is read and dropped. */
export function idleFlag(name: string, kind: Kind<unknown>): Ungrouped {
  return flag(name, '', kind, undefined, { in: 'nothing' });
}

/** A flag of one command alone. */
export interface CommandFlag<T> extends Flag {
  readonly kind: Kind<T>;
  readonly default: T;
}

/** A flag that only one command has. `help` is what --help says of it. */
export function commandFlag<T>(
  name: string,
  help: string,
  kind: Kind<T>,
  value: T,
  options?: Options,
): CommandFlag<T> {
  const made = flag(name, help, kind as Kind<unknown>, value, { in: 'command' }, options);
  return { ...made, group: COMMAND_GROUP, kind, default: value };
}

/** The heading of a command's own flags. */
export const COMMAND_GROUP = 'Flags';

export function group(heading: string, flags: readonly Ungrouped[]): Flag[] {
  return flags.map((ungrouped) => ({ ...ungrouped, group: heading }));
}

function flag(
  name: string,
  help: string,
  kind: Kind<unknown>,
  value: unknown,
  target: Flag['target'],
  { aliases = [], short, defaultText, deprecated, alwaysWins = false }: Options = {},
): Ungrouped {
  return { name, help, kind, default: value, defaultText, target, aliases, short, deprecated, alwaysWins };
}
