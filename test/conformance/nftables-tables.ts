import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Ruleset } from '../../rules/fragment.ts';
import type { Family } from '../../rules/model.ts';
import { readFilesInto } from '../../src/cli/objects.ts';
import { loadSettings } from '../../src/config/load.ts';
import { nftablesCompiler } from '../../src/dataplane/compilers.ts';
import { DesiredState } from '../../src/desired-state.ts';
import { givenAddresses, nodeFacts, proxySettings } from '../../src/node-facts.ts';
import { Tracker } from '../../src/tracker/tracker.ts';
import type { CorpusCase } from '../lab/corpus.ts';
import { caseFlags } from './in-process.ts';

/** What a case of the corpus should have in one family's table. */
export function corpusRuleset(of: CorpusCase, family: Family): Ruleset {
  const loaded = loadSettings([...caseFlags(of), '--mode=nftables'], {
    readFile: (path) => readFileSync(path, 'utf8'),
    hostname: () => 'host.example',
  });
  if (loaded.kind !== 'settings') throw new Error(`the flags of ${of.name} ask for something to print`);
  const { settings } = loaded;
  const tracker = new Tracker({ nodeName: settings.nodeName, report: () => {} });
  readFilesInto(tracker, settings.from);
  const facts = nodeFacts(family, settings, {
    node: tracker.node,
    localAddresses: givenAddresses(settings.localAddresses ?? []),
    serviceCIDRs: tracker.serviceCIDRs(family),
  });
  const desired = new DesiredState(family, tracker, nftablesCompiler);
  desired.update(facts, proxySettings(family, settings, facts, { nfacct: false, randomFully: true }));
  return desired.ruleset;
}

/** What kube-proxy has programmed, as `nft -s list table` prints it. */
export function corpusTable({ name }: CorpusCase, family: Family): string {
  const file = family === 'ipv4' ? 'nftables.txt' : 'nftables6.txt';
  return readFileSync(
    fileURLToPath(new URL(`../../fixtures/kube-proxy-1.36/${name}/expected/${file}`, import.meta.url)),
    'utf8',
  );
}
