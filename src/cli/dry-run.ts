import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { getSystemErrorMessage } from 'node:util';
import type { Ruleset } from '../../rules/fragment.ts';
import type { Family } from '../../rules/model.ts';
import type { Note, Settings } from '../config/settings.ts';
import { RuntimeFailure } from '../failure.ts';
import { printSections, type Section } from '../sections.ts';
import type { Tracker } from '../tracker/tracker.ts';
import { compileAll, readCluster } from './desired.ts';
import { print, warn } from './output.ts';

/** Prints what would be programmed, or writes it to --output-dir. Warnings go to standard error, a line each. */
export async function runDryRun(settings: Settings, notes: readonly Note[]): Promise<number> {
  // Who reads no warnings closes the pipe: no reason to fail.
  process.stderr.on('error', () => {});
  for (const note of notes) warn(note.message);
  const tracker = await readCluster(settings, warn);
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
  const rulesets = new Map<Family, Ruleset>();
  for (const [family, { desired }] of compileAll(tracker, settings, warn))
    rulesets.set(family, desired.ruleset);
  return printSections(settings.mode, rulesets);
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
