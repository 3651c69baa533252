import { Command, Option } from 'commander';
import { isSwitch } from './command-line.ts';
import { COMMAND_GROUP, type Flag } from './flag.ts';
import { FLAGS, IDLE_GROUP } from './flags.ts';

const WIDTH = 110;
/** Stands for a space where a line must not end. */
const GLUE = '\uE000';

/** A command line, and what it does. */
export interface Example {
  readonly line: string;
  readonly does: string;
}

/** What the program does without a command, in one line. */
export const PURPOSE = "Brings traffic to Services to their Pods: kube-proxy's work on one Linux node.";

/** Of the program without a command. */
export const EXAMPLES: readonly Example[] = [
  {
    line: 'fairlead --dry-run --from cluster.yaml --hostname-override=node-1',
    does: 'the rules of node-1 in the cluster that a file describes; needs no cluster and no privileges',
  },
  {
    line: 'fairlead --dry-run --kubeconfig=admin.conf --hostname-override=node-1 --output-dir=rules',
    does: 'the same for a live cluster, one file per tool',
  },
  {
    line: 'fairlead --config=/var/lib/kube-proxy/config.conf --hostname-override=node-1',
    does: 'program this node as kube-proxy with this configuration would',
  },
];

/** How values of flags are written, as far as kinds do not tell. */
export const VALUES =
  'A switch takes its value behind "=": --iptables-localhost-nodeports=false. Durations are like 30s or 1h2m3s.';

/** What every command takes besides its own flags. */
export const GENERAL_FLAGS =
  'The flags of fairlead itself say which cluster, node, mode and configuration: see fairlead --help.';

/** What a command says of itself. */
export interface CommandText {
  readonly name: string;
  /** One line, for the list of commands. */
  readonly summary: string;
  /** What follows the name: `[flags] FROM TO`. */
  readonly usage: string;
  /** What it does, in a few sentences; also what its exit code means. */
  readonly description: string;
  readonly flags: readonly Flag[];
  /** Command lines, each with what it does. */
  readonly examples: readonly Example[];
}

/** What `fairlead COMMAND --help` prints. */
export function commandHelp(text: CommandText): string {
  const command = new Command(`fairlead ${text.name}`)
    .usage(text.usage)
    .description(text.description)
    .helpOption(false)
    .configureHelp({ helpWidth: WIDTH });
  for (const flag of text.flags) {
    command.addOption(new Option(flagNames(flag), description(flag)).helpGroup(`${COMMAND_GROUP}:`));
  }
  return `${command.helpInformation().replaceAll(GLUE, ' ')}
${GENERAL_FLAGS}

${exampleText(text.examples)}`;
}

/** What --help prints. */
export function helpText(commands: readonly CommandText[]): string {
  const command = new Command('fairlead')
    .usage('[flags] | COMMAND [flags]')
    .description(PURPOSE)
    .helpOption(false)
    .configureHelp({ helpWidth: WIDTH });
  for (const flag of FLAGS.filter(({ group }) => group !== IDLE_GROUP)) {
    command.addOption(new Option(flagNames(flag), description(flag)).helpGroup(`${flag.group}:`));
  }
  const idle = FLAGS.filter((flag) => flag.group === IDLE_GROUP).map((flag) => `--${flag.name}`);
  return `${command.helpInformation().replaceAll(GLUE, ' ')}
${commandList(commands)}
${IDLE_GROUP}, for kube-proxy's sake:
${wrapped(idle, '  ')}

${VALUES}

${exampleText(EXAMPLES)}`;
}

function exampleText(examples: readonly Example[]): string {
  return `Examples:\n${examples.map(({ line, does }) => `  ${line}\n      ${does}\n`).join('')}`;
}

function commandList(commands: readonly CommandText[]): string {
  if (commands.length === 0) return '';
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(12)}${summary}\n`);
  return `Commands, each with a --help of its own; without one fairlead programs this node:\n${lines.join('')}`;
}

/** A flag with its value, as help shows it: `-v, --v <number>`. */
export function flagNames(flag: Flag): string {
  const short = flag.short === undefined ? '' : `-${flag.short}, `;
  return `${short}--${flag.name}${isSwitch(flag) ? '' : ` <${flag.kind.placeholder}>`}`;
}

/** What a flag does, and its default. GLUE stands for spaces that keep words together. */
function description(flag: Flag): string {
  const value = flag.defaultText ?? (flag.default === undefined ? '' : flag.kind.encode(flag.default));
  const plain = typeof value === 'string' || typeof value === 'number' || value === true;
  return plain && value !== '' ? `${flag.help} (default:${GLUE}${value})` : flag.help;
}

/** What a flag does, and its default. */
export function flagDescription(flag: Flag): string {
  return description(flag).replaceAll(GLUE, ' ');
}

function wrapped(words: readonly string[], indent: string): string {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last === undefined || last.length + word.length + 1 > WIDTH) lines.push(indent + word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines.join('\n');
}
