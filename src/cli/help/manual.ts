import type { Flag } from '../../config/flag.ts';
import { FLAGS, IDLE_GROUP } from '../../config/flags.ts';
import {
  EXAMPLES,
  type Example,
  flagDescription,
  flagNames,
  GENERAL_FLAGS,
  PURPOSE,
  VALUES,
} from '../../config/help.ts';
import type { Command } from '../command.ts';

/** A part of the manual, under a heading of the first or the second level. */
export interface ManualSection {
  readonly level: 1 | 2;
  readonly heading: string;
  readonly blocks: readonly ManualBlock[];
}

export type ManualBlock =
  | { readonly kind: 'text'; readonly text: string }
  /** A command line as it is typed. */
  | { readonly kind: 'synopsis'; readonly line: string }
  | { readonly kind: 'terms'; readonly terms: readonly ManualTerm[] }
  | { readonly kind: 'examples'; readonly examples: readonly Example[] };

export interface ManualTerm {
  readonly term: string;
  readonly text: string;
}

/** All that help says of fairlead and its commands, as one page. */
export function manual(commands: readonly Command[]): readonly ManualSection[] {
  return [
    section('Name', [text(`fairlead - ${lowerFirst(PURPOSE)}`)]),
    section('Synopsis', [synopsis('fairlead [flags]'), synopsis('fairlead COMMAND [flags]')]),
    section('Description', [
      text(
        'Without a command fairlead programs this node until it is told to stop (SIGTERM), and leaves all rules in place.',
      ),
      {
        kind: 'terms',
        terms: commands.map(({ name, summary }) => ({ term: `fairlead ${name}`, text: summary })),
      },
    ]),
    section('Commands', [text(GENERAL_FLAGS.replace('fairlead --help', 'Flags'))]),
    ...commands.map(commandSection),
    section('Flags', [text(VALUES)]),
    ...flagSections(),
    section('Exit status', [
      text(
        '0: all went well. 1: it did not, or what was looked for is wrong. 2: wrong usage, or a configuration that cannot be.',
      ),
    ]),
    section('Environment', [{ kind: 'terms', terms: ENVIRONMENT }]),
    section('Examples', [{ kind: 'examples', examples: EXAMPLES }]),
  ];
}

const ENVIRONMENT: readonly ManualTerm[] = [
  { term: 'NO_COLOR', text: 'set to anything: no colours, on terminals neither' },
  { term: 'NFT', text: 'the nft executable, where --nft-path does not name one' },
  {
    term: 'KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT',
    text: 'where the API server is, for a Pod without --kubeconfig',
  },
  { term: 'HTTPS_PROXY, NO_PROXY', text: 'how to reach the API server, as other programs take them' },
];

function commandSection({ name, usage, description, flags, examples }: Command): ManualSection {
  return {
    level: 2,
    heading: `fairlead ${name}`,
    blocks: [
      synopsis(`fairlead ${name} ${usage}`),
      text(description),
      ...(flags.length > 0 ? [terms(flags)] : []),
      { kind: 'examples', examples },
    ],
  };
}

function flagSections(): readonly ManualSection[] {
  const groups = [...Map.groupBy(FLAGS, ({ group }) => group)];
  return groups.map(([heading, flags]) => ({
    level: 2,
    heading,
    blocks:
      heading === IDLE_GROUP
        ? [text(`For kube-proxy's sake: ${flags.map(({ name }) => `--${name}`).join(', ')}.`)]
        : [terms(flags)],
  }));
}

function terms(flags: readonly Flag[]): ManualBlock {
  return {
    kind: 'terms',
    terms: flags.map((flag) => ({ term: flagNames(flag), text: flagDescription(flag) })),
  };
}

function section(heading: string, blocks: readonly ManualBlock[]): ManualSection {
  return { level: 1, heading, blocks };
}

function text(content: string): ManualBlock {
  return { kind: 'text', text: content };
}

function synopsis(line: string): ManualBlock {
  return { kind: 'synopsis', line };
}

function lowerFirst(sentence: string): string {
  return sentence.slice(0, 1).toLowerCase() + sentence.slice(1).replace(/\.$/, '');
}
