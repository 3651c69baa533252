import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { getSystemErrorMessage } from 'node:util';
import type { Ruleset } from '../../rules/fragment.ts';
import type { Address, Family } from '../../rules/model.ts';
import { FAMILIES } from '../../rules/model.ts';
import type { Note, Settings } from '../config/settings.ts';
import { compilerOf } from '../dataplane/compilers.ts';
import { DesiredState } from '../desired-state.ts';
import { RuntimeFailure } from '../failure.ts';
import { givenAddresses, nodeFacts, proxySettings } from '../node-facts.ts';
import { printSections, type Section } from '../sections.ts';
import { show } from '../tracker/problem.ts';
import { Tracker } from '../tracker/tracker.ts';
import { readClusterInto } from './cluster.ts';
import { readFilesInto } from './objects.ts';

/** Prints what would be programmed, or writes it to --output-dir. Warnings go to standard error, a line each. */
export async function runDryRun(settings: Settings, notes: readonly Note[]): Promise<number> {
  const warn = (message: string): void => {
    process.stderr.write(`${message}\n`);
  };
  // Who has seen enough (`| head`) closes the pipe: no reason to fail.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  for (const note of notes) warn(note.message);
  const tracker = new Tracker({ nodeName: settings.nodeName, report: ({ message }) => warn(message) });
  if (settings.from.length > 0) readFilesInto(tracker, settings.from, warn);
  else
    await readClusterInto(tracker, settings, {
      info: () => {},
      debug: () => {},
      warn: (_, message) => warn(message),
    });
  const sections = dryRun(tracker, settings, warn);
  if (settings.outputDir === undefined) {
    await print(sections.map(({ tool, text }) => `# ${tool}\n${text}`).join(''));
  } else {
    for (const { file, text } of sections) writeSection(join(settings.outputDir, file), text);
  }
  return 0;
}

/**
 * What would be programmed for the objects in the tracker, one section per tool. Reads nothing of the host: its
 * kernel is taken to have all that rules can make use of.
 */
export function dryRun(
  tracker: Tracker,
  settings: Settings,
  warn: (message: string) => void,
): readonly Section[] {
  const { node } = tracker;
  const families = settings.ipFamily === undefined ? FAMILIES : [settings.ipFamily];
  const localAddresses = settings.localAddresses
    ? givenAddresses(settings.localAddresses)
    : (node?.addresses ?? []);
  const rulesets = new Map<Family, Ruleset>();
  for (const family of families) {
    const facts = nodeFacts(family, settings, {
      node,
      localAddresses,
      serviceCIDRs: tracker.serviceCIDRs(family),
    });
    if (node === undefined && rulesets.size === 0) warn(missingNode(settings.nodeName, facts.nodeIP));
    const desired = new DesiredState(family, tracker, compilerOf(settings));
    desired.update(facts, proxySettings(family, settings, facts, { nfacct: true, randomFully: true }));
    for (const { loser, winner, what } of desired.lostClaims) {
      warn(`ServicePort ${loser} does not get ${what}: ServicePort ${winner} claimed it first`);
    }
    rulesets.set(family, desired.ruleset);
  }
  return printSections(settings.mode, rulesets);
}

function missingNode(name: string, nodeIP: Address): string {
  const instead = `going on with node IP ${nodeIP}, no zone and no Pod networks`;
  return `Node ${show(name)} is not among the objects (--hostname-override names another): ${instead}`;
}

function print(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => {
      if (!error || codeOf(error) === 'EPIPE') resolve();
      else reject(outputFailure('standard output', error));
    });
  });
}

function writeSection(path: string, text: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  } catch (error) {
    throw outputFailure(`--output-dir: ${path}`, error);
  }
}

function outputFailure(where: string, error: unknown): RuntimeFailure {
  const { errno, path } = error as NodeJS.ErrnoException;
  const reason = errno === undefined ? String(error) : getSystemErrorMessage(errno);
  const which = path === undefined || where.endsWith(path) ? '' : ` (${path})`;
  return new RuntimeFailure('output', `${where} cannot be written: ${reason}${which}`, { cause: error });
}

function codeOf(error: Error): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
