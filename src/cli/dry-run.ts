import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { printRuleset } from '../../rules/iptables/print.ts';
import type { Family } from '../../rules/model.ts';
import { FAMILIES } from '../../rules/model.ts';
import type { Note, Settings } from '../config/settings.ts';
import { iptablesCompiler } from '../dataplane/compilers.ts';
import { DesiredState } from '../desired-state.ts';
import { RuntimeFailure } from '../failure.ts';
import { givenAddresses, nodeFacts, proxySettings } from '../node-facts.ts';
import { Tracker } from '../tracker/tracker.ts';
import { readClusterInto } from './cluster.ts';
import { readFilesInto } from './objects.ts';

/** Prints what would be programmed, or writes it to --output-dir. Warnings go to standard error, a line each. */
export async function runDryRun(settings: Settings, notes: readonly Note[]): Promise<number> {
  const warn = (message: string): void => {
    process.stderr.write(`${message}\n`);
  };
  for (const note of notes) warn(note.message);
  const tracker = new Tracker({ nodeName: settings.nodeName, report: ({ message }) => warn(message) });
  if (settings.from.length > 0) readFilesInto(tracker, settings.from);
  else
    await readClusterInto(tracker, settings, {
      info: () => {},
      debug: () => {},
      warn: (_, message) => warn(message),
    });
  const sections = dryRun(tracker, settings, warn);
  if (settings.outputDir === undefined) {
    process.stdout.write(sections.map(({ tool, text }) => `# ${tool}\n${text}`).join(''));
  } else {
    for (const { file, text } of sections) writeSection(join(settings.outputDir, file), text);
  }
  return 0;
}

/** One part of a dry run's output. */
export interface DryRunSection {
  /** As in its comment line: `iptables-save`. */
  readonly tool: string;
  /** Relative path in --output-dir. */
  readonly file: string;
  readonly text: string;
}

/**
 * What would be programmed for the objects in the tracker, one section per tool. Reads nothing of the host: its
 * kernel is taken to have all that rules can make use of.
 */
export function dryRun(
  tracker: Tracker,
  settings: Settings,
  warn: (message: string) => void,
): readonly DryRunSection[] {
  const { node } = tracker;
  const families = settings.ipFamily === undefined ? FAMILIES : [settings.ipFamily];
  const localAddresses = settings.localAddresses
    ? givenAddresses(settings.localAddresses)
    : (node?.addresses ?? []);
  let warned = false;
  return families.map((family) => {
    const facts = nodeFacts(family, settings, {
      node,
      localAddresses,
      serviceCIDRs: tracker.serviceCIDRs(family),
    });
    if (node === undefined && !warned) {
      warned = true;
      warn(`Node ${settings.nodeName} is not among the objects: its node IP is taken to be ${facts.nodeIP}`);
    }
    const desired = new DesiredState(family, tracker, iptablesCompiler);
    desired.update(facts, proxySettings(family, settings, facts, { nfacct: true, randomFully: true }));
    for (const { loser, winner, what } of desired.lostClaims) {
      warn(`ServicePort ${loser}: ${what} goes to the older ServicePort ${winner}`);
    }
    const tool = SAVE_TOOLS[family];
    return { tool, file: `${tool}.txt`, text: printRuleset(desired.ruleset) };
  });
}

const SAVE_TOOLS: Readonly<Record<Family, string>> = { ipv4: 'iptables-save', ipv6: 'ip6tables-save' };

function writeSection(path: string, text: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  } catch (error) {
    throw new RuntimeFailure('output', `--output-dir: ${(error as Error).message}`, { cause: error });
  }
}
