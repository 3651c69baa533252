import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { FAMILIES } from '../../../../rules/model.ts';
import { type NodeDifference, nodeDifference } from '../../../../src/cli/diff/difference.ts';
import { writtenRules } from '../../../../src/cli/diff/rule-files.ts';
import { readFilesInto } from '../../../../src/cli/objects.ts';
import { loadSettings } from '../../../../src/config/load.ts';
import type { Mode } from '../../../../src/config/settings.ts';
import { Tracker } from '../../../../src/tracker/tracker.ts';
import { caseFlags } from '../../../conformance/in-process.ts';
import type { CorpusCase } from '../../../lab/corpus.ts';

/** What kube-proxy left on the nodes of the corpus, by mode. */
export const DUMPS: Readonly<Record<Mode, readonly string[]>> = {
  iptables: ['iptables-save.txt', 'ip6tables-save.txt'],
  nftables: ['nftables.txt', 'nftables6.txt'],
  ipvs: [
    'ipvs/ipvsadm.txt',
    'ipvs/ipset.txt',
    'ipvs/addresses.txt',
    'ipvs/iptables-save.txt',
    'ipvs/ip6tables-save.txt',
  ],
};

export function dump({ name }: CorpusCase, file: string): string {
  const url = new URL(`../../../../fixtures/kube-proxy-1.36/${name}/expected/${file}`, import.meta.url);
  return readFileSync(fileURLToPath(url), 'utf8');
}

export interface Compared extends NodeDifference {
  readonly warnings: readonly string[];
}

/**
 * Compares what Fairlead wants for a case of the corpus with what kube-proxy left there.
 * @param edit what somebody has made of a dump, by the dump's file
 */
export async function compareCase(
  of: CorpusCase,
  mode: Mode,
  edit: (file: string, text: string) => string = (_, text) => text,
): Promise<Compared> {
  const texts = DUMPS[mode].map((file) => edit(file, dump(of, file)));
  return await compareTexts(of, mode, texts);
}

export async function compareTexts(of: CorpusCase, mode: Mode, texts: readonly string[]): Promise<Compared> {
  const loaded = loadSettings([...caseFlags(of), `--mode=${mode}`], {
    readFile: (path) => readFileSync(path, 'utf8'),
    hostname: () => 'host.example',
  });
  if (loaded.kind !== 'settings') throw new Error(`the flags of ${of.name} ask for something to print`);
  const { settings } = loaded;
  const warnings: string[] = [];
  const warn = (message: string): void => void warnings.push(message);
  const tracker = new Tracker({ nodeName: settings.nodeName, report: ({ message }) => warn(message) });
  readFilesInto(tracker, settings.from);
  const source = writtenRules(settings, 'kube-proxy', texts, FAMILIES);
  const { signal } = new AbortController();
  return { ...(await nodeDifference({ tracker, settings, source, warn }, signal)), warnings };
}

/** `ipv4 default/web:http/tcp changed` for each that differs. */
export function differing({ families }: NodeDifference): readonly string[] {
  return families.flatMap(({ family, groups }) =>
    groups.map(({ owner, label, state }) => `${family} ${label || owner} ${state}`),
  );
}

/** All lines that differ, as they are shown. */
export function linesIn({ families }: NodeDifference): readonly string[] {
  return families.flatMap(({ groups }) =>
    groups.flatMap(({ objects }) =>
      objects.flatMap(({ lines }) => lines.map(({ sign, text }) => `${sign} ${text}`)),
    ),
  );
}
