import pkg from '../../package.json' with { type: 'json' };
import { type Given, parseCommandLine, parseWords } from './command-line.ts';
import { type ConfigFile, parseConfigFile } from './config-file.ts';
import { withDependentDefaults } from './defaults.ts';
import { featureGateNotes } from './feature-gates.ts';
import type { CommandFlag, Flag } from './flag.ts';
import { FLAGS } from './flags.ts';
import { type CommandText, commandHelp, helpText } from './help.ts';
import { fileNotes, flagNotes, sourceNotes } from './notes.ts';
import { OUTSIDE, type Outside } from './outside.ts';
import { filled, SCHEMA } from './schema.ts';
import type { KubeProxyConfiguration, Note, Settings } from './settings.ts';
import { Refused, refusalText, UsageError } from './usage.ts';
import { validate, validateTogether } from './validation.ts';

export { UsageError } from './usage.ts';

/** What settings need of the world. */
export interface Ports {
  /** The text of a file; throws where it cannot be read. */
  readonly readFile: (path: string) => string;
  readonly hostname: () => string;
}

export type Loaded =
  | { readonly kind: 'settings'; readonly settings: Settings; readonly notes: readonly Note[] }
  /** --help or --version: there is nothing to do but to print this. */
  | { readonly kind: 'print'; readonly text: string };

/**
 * Settles everything that the command line and the configuration file decide.
 * @param argv the words behind the program's name
 * @throws UsageError (exit code 2): one line naming the flag or field, the value and what it may be
 */
export function loadSettings(
  argv: readonly string[],
  ports: Ports,
  commands: readonly CommandText[] = [],
): Loaded {
  const flags = parseCommandLine(
    argv,
    commands.map(({ name }) => name),
  );
  const outside = filled<Outside>(OUTSIDE, outsideValues(flags));
  if (outside.help) return { kind: 'print', text: helpText(commands) };
  if (outside.version !== 'false') return { kind: 'print', text: versionText(outside.version) };
  return { kind: 'settings', ...settle(flags, outside, ports) };
}

/** What the command line of a command says. */
export type LoadedCommand =
  | {
      readonly kind: 'call';
      readonly settings: Settings;
      readonly notes: readonly Note[];
      readonly operands: readonly string[];
      /** What one of the command's own flags says; its default where it was not given. */
      readonly value: <T>(flag: CommandFlag<T>) => T;
    }
  | { readonly kind: 'print'; readonly text: string };

/**
 * The same for a command, which takes all flags of the program besides its own, and operands.
 * @param argv the words behind the command's name
 * @throws UsageError (exit code 2)
 */
export function loadCommand(command: CommandText, argv: readonly string[], ports: Ports): LoadedCommand {
  const own = new Set<Flag>(command.flags);
  const { given, operands } = parseWords(argv, [...command.flags, ...FLAGS]);
  const general = given.filter(({ flag }) => !own.has(flag));
  const outside = filled<Outside>(OUTSIDE, outsideValues(general));
  if (outside.help) return { kind: 'print', text: commandHelp(command) };
  const foreign = general.find(({ flag }) => COMMANDS_DO_NOT_TAKE.has(flag.name));
  if (foreign) throw new UsageError(`${foreign.typed} has no meaning for fairlead ${command.name}`);
  const values = new Map(given.map(({ flag, value }) => [flag, value]));
  return {
    kind: 'call',
    ...settle(general, outside, ports),
    operands,
    value: <T>(flag: CommandFlag<T>) => (values.has(flag) ? (values.get(flag) as T) : flag.default),
  };
}

/** What is a way of running the program itself. */
export const COMMANDS_DO_NOT_TAKE = new Set([
  'cleanup',
  'dry-run',
  'init-only',
  'output-dir',
  'version',
  'write-config-to',
]);

function settle(
  flags: readonly Given[],
  outside: Outside,
  ports: Ports,
): { readonly settings: Settings; readonly notes: readonly Note[] } {
  const file = outside.configFile === '' ? undefined : readConfigFile(outside.configFile, ports);
  const values = new Map([...(file?.values ?? []), ...configValues(flags)]);
  const given = new Set(values.keys());
  const config = withDependentDefaults(filled<KubeProxyConfiguration>(SCHEMA, values), outside, given);

  const nameOf = namer(flags, file);
  validate(config, nameOf);
  validateTogether(outside);
  const nodeName = settledNodeName(config.hostnameOverride, nameOf, ports);
  return {
    settings: frozen(settings(config, outside, given, nodeName)),
    notes: [
      ...fileNotes(file),
      ...flagNotes(flags, file),
      ...sourceNotes(flags, outside),
      ...featureGateNotes(config.featureGates),
    ],
  };
}

function settings(
  config: KubeProxyConfiguration,
  outside: Outside,
  given: ReadonlySet<string>,
  nodeName: string,
): Settings {
  return {
    version: pkg.version,
    config,
    given,
    mode: config.mode,
    nodeName,
    bindAddress: config.bindAddress,
    kubeconfig: config.clientConnection.kubeconfig || undefined,
    master: outside.master || undefined,
    configFile: outside.configFile || undefined,
    writeConfigTo: outside.writeConfigTo || undefined,
    cleanup: outside.cleanup,
    initOnly: outside.initOnly,
    dryRun: outside.dryRun,
    from: outside.from,
    outputDir: outside.outputDir || undefined,
    ipFamily: outside.ipFamily,
    localAddresses: outside.localAddresses,
    iptablesBackend: outside.iptablesBackend,
    nftPath: outside.nftPath || undefined,
    ui: outside.ui,
    verbosity: config.logging.verbosity,
    loggingFormat: config.logging.format,
  };
}

function readConfigFile(path: string, ports: Ports): ConfigFile {
  let text: string;
  try {
    text = ports.readFile(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const line = refusalText('--config', new Refused(path, 'a file that can be read'));
    throw new UsageError(`${line} (${reason})`, { cause: error });
  }
  return parseConfigFile(text, path);
}

function outsideValues(flags: readonly Given[]): Map<string, unknown> {
  return new Map(
    flags.flatMap(({ flag, value }) => (flag.target.in === 'outside' ? [[flag.target.key, value]] : [])),
  );
}

function configValues(flags: readonly Given[]): Map<string, unknown> {
  return new Map(
    flags.flatMap(({ flag, value }) =>
      flag.target.in === 'config' ? flag.target.paths.map((path) => [path, value] as const) : [],
    ),
  );
}

/** A field by the flag that set it, else by its place in the file, else by the flag that could have. */
function namer(flags: readonly Given[], file: ConfigFile | undefined): (path: string) => string {
  return (path) => {
    const set = flags.find(({ flag }) => flag.target.in === 'config' && flag.target.paths.includes(path));
    if (set !== undefined) return set.typed;
    if (file !== undefined) return path;
    const could = FLAGS.find(({ target }) => target.in === 'config' && target.paths.includes(path));
    return could === undefined ? path : `--${could.name}`;
  };
}

function settledNodeName(override: string, nameOf: (path: string) => string, ports: Ports): string {
  const name = (override || ports.hostname()).trim().toLowerCase();
  if (name === '') {
    throw new UsageError(
      refusalText(nameOf('hostnameOverride'), new Refused(override, 'the name of a Node')),
    );
  }
  return name;
}

function versionText(version: 'true' | 'raw'): string {
  return version === 'raw' ? `${pkg.version}\n` : `fairlead ${pkg.version}\n`;
}

/** Freezes an object and everything in it. */
function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) frozen(inner);
  }
  return value;
}
