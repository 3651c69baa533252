import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Ruleset } from '../../../rules/fragment.ts';
import { parseSave } from '../../../rules/iptables/save.ts';
import { adopt } from '../../../rules/ipvs/adopt.ts';
import { planIpvs } from '../../../rules/ipvs/plan.ts';
import { parseIpset, parseIpvsadm } from '../../../rules/ipvs/saved.ts';
import type { Address, Family } from '../../../rules/model.ts';
import { FAMILIES } from '../../../rules/model.ts';
import { readFilesInto } from '../../../src/cli/objects.ts';
import { loadSettings } from '../../../src/config/load.ts';
import type { Settings } from '../../../src/config/settings.ts';
import { ipvsCompiler } from '../../../src/dataplane/ipvs/compiler.ts';
import { DesiredState } from '../../../src/desired-state.ts';
import { givenAddresses, nodeFacts, proxySettings } from '../../../src/node-facts.ts';
import { Tracker } from '../../../src/tracker/tracker.ts';
import type { CorpusCase } from '../corpus.ts';

/** What a dry run in ipvs mode writes, by its path in a case's `expected/`. */
export const IPVS_FILES = [
  'ipvs/ipvsadm.txt',
  'ipvs/ipset.txt',
  'ipvs/addresses.txt',
  'ipvs/iptables-save.txt',
  'ipvs/ip6tables-save.txt',
] as const;

/** What a cluster asks for in ipvs mode. */
export interface IpvsCase {
  readonly settings: Settings;
  readonly rulesets: ReadonlyMap<Family, Ruleset>;
  /** The same without any Service. */
  readonly empty: ReadonlyMap<Family, Ruleset>;
}

export function compileCase(of: CorpusCase): IpvsCase {
  const addresses = of.addresses.map(({ address }) => address);
  return compileCluster([`--from=${of.cluster}`, `--config=${of.config}`], addresses);
}

/** @param flags --from and --config */
export function compileCluster(flags: readonly string[], addresses: readonly string[]): IpvsCase {
  const loaded = loadSettings(
    ['--dry-run', '--proxy-mode=ipvs', `--local-addresses=${addresses.join(',')}`, ...flags],
    { readFile: (path) => readFileSync(path, 'utf8'), hostname: () => 'host.example' },
  );
  if (loaded.kind !== 'settings') throw new Error('the flags ask for something to print');
  const { settings } = loaded;
  const tracker = new Tracker({ nodeName: settings.nodeName, report: () => {} });
  readFilesInto(tracker, settings.from, () => {});
  const nothing = new Tracker({ nodeName: settings.nodeName, report: () => {} });
  const compile = (services: Tracker): ReadonlyMap<Family, Ruleset> =>
    new Map(
      FAMILIES.map((family) => {
        const facts = nodeFacts(family, settings, {
          node: tracker.node,
          localAddresses: givenAddresses(settings.localAddresses ?? []),
          serviceCIDRs: tracker.serviceCIDRs(family),
        });
        const desired = new DesiredState(family, services, ipvsCompiler(settings.config.ipvs.scheduler));
        desired.update(facts, proxySettings(family, settings, facts, { nfacct: true, randomFully: true }));
        return [family, desired.ruleset];
      }),
    );
  return { settings, rulesets: compile(tracker), empty: compile(nothing) };
}

/** What kube-proxy programmed for the case. */
export function expectedOutput(of: CorpusCase, file: string): string {
  return readFileSync(join(expectedFolder(of), '..', file), 'utf8');
}

/** The folder of what kube-proxy programmed in ipvs mode. */
export function expectedFolder({ name }: CorpusCase): string {
  return fileURLToPath(new URL(`../../../fixtures/kube-proxy-1.36/${name}/expected/ipvs`, import.meta.url));
}

/** What Fairlead would write after a start on a node that has this, by the names of the corpus' files. */
export function planFrom(
  dump: ReadonlyMap<string, string>,
  rulesets: IpvsCase['rulesets'],
): readonly string[] {
  const text = (file: string): string => dump.get(`ipvs/${file}`) ?? '';
  return [...rulesets].flatMap(([family, ruleset]) => {
    const ledger = adopt(
      {
        virtuals: parseIpvsadm(text('ipvsadm.txt')),
        sets: parseIpset(text('ipset.txt')),
        addresses: text('addresses.txt')
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => line.replace(/\/.*/, '') as Address),
        tables: parseSave(text(SAVES[family])),
      },
      family,
      [],
    );
    return planIpvs(ruleset, ledger).sections.map((section) => section.text);
  });
}

const SAVES: Readonly<Record<Family, string>> = { ipv4: 'iptables-save.txt', ipv6: 'ip6tables-save.txt' };
