import { readFileSync } from 'node:fs';
import { dryRun } from '../../src/cli/dry-run.ts';
import { readFilesInto } from '../../src/cli/objects.ts';
import { loadSettings } from '../../src/config/load.ts';
import type { Section } from '../../src/sections.ts';
import { Tracker } from '../../src/tracker/tracker.ts';
import type { CorpusCase } from '../lab/corpus.ts';

/** The flags with which a case of the corpus is what kube-proxy saw. */
export function caseFlags({ cluster, config, addresses }: CorpusCase): readonly string[] {
  const local = addresses.map(({ address }) => address).join(',');
  return ['--dry-run', `--from=${cluster}`, `--config=${config}`, `--local-addresses=${local}`];
}

/**
 * The dry run of a case without starting a process.
 * @param report called with each line that the command would write to stderr
 */
export function dryRunCase(of: CorpusCase, report: (message: string) => void = () => {}): readonly Section[] {
  const loaded = loadSettings(caseFlags(of), {
    readFile: (path) => readFileSync(path, 'utf8'),
    hostname: () => 'host.example',
  });
  if (loaded.kind !== 'settings') throw new Error(`the flags of ${of.name} ask for something to print`);
  const { settings } = loaded;
  const tracker = new Tracker({ nodeName: settings.nodeName, report: ({ message }) => report(message) });
  readFilesInto(tracker, settings.from);
  return dryRun(tracker, settings, report);
}
