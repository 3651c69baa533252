import { parseAddress } from '../../../rules/address.ts';
import { adopt as adoptIptables } from '../../../rules/iptables/adopt.ts';
import { parseSave } from '../../../rules/iptables/save.ts';
import { adopt as adoptIpvs } from '../../../rules/ipvs/adopt.ts';
import { parseAddresses, parseIpset, parseIpvsadm } from '../../../rules/ipvs/saved.ts';
import type { Address, Family } from '../../../rules/model.ts';
import { adoptTable } from '../../../rules/nftables/adopt.ts';
import type { Mode, Settings } from '../../config/settings.ts';
import { UsageError } from '../../config/usage.ts';
import type { Ledger } from '../../dataplane/dataplane.ts';
import { probeCapabilities } from '../../dataplane/iptables/capabilities.ts';
import { IptablesTools } from '../../dataplane/iptables/tools.ts';
import type { Capabilities } from '../../node-facts.ts';
import { readInput } from '../input.ts';
import { asIptables, type FoundFamily, type RuleSource } from './kernel.ts';
import { gatherRules, type RuleTexts } from './rule-texts.ts';

/**
 * Rules that were written down, of a node that may be anywhere.
 * @param files `-` is standard input
 * @throws UsageError where a file cannot be read, or none has rules of the mode
 */
export function ruleFiles(
  settings: Settings,
  files: readonly string[],
  wanted: readonly Family[],
): RuleSource {
  const names = files.map((file) => (file === '-' ? '(standard input)' : file)).join(', ');
  return writtenRules(
    settings,
    names,
    files.map((file) => readInput('--rules', file).text),
    wanted,
  );
}

/** As `ruleFiles`, of what is in the files. */
export function writtenRules(
  settings: Settings,
  name: string,
  all: readonly string[],
  wanted: readonly Family[],
): RuleSource {
  const texts = gatherRules(all);
  const families = wanted.filter((family) => has(settings.mode, family, texts));
  if (families.length === 0) throw new UsageError(nothingText(settings.mode, name, wanted, texts));
  return {
    name,
    families,
    localAddresses: async () => undefined,
    read: (family, signal) => readTexts(family, settings, texts, signal),
  };
}

function has(mode: Mode, family: Family, { save, nft, ipvsadm, ipset }: RuleTexts): boolean {
  switch (mode) {
    case 'iptables':
      return save[family] !== '';
    case 'nftables':
      return nft[family] !== '';
    case 'ipvs':
      return save[family] !== '' && ipvsadm + ipset !== '';
  }
}

function nothingText(mode: Mode, name: string, families: readonly Family[], texts: RuleTexts): string {
  const others = (['ipvs', 'nftables', 'iptables'] as const).filter((other) =>
    families.some((family) => has(other, family, texts)),
  );
  const meant = others[0] === undefined ? '' : `: what is there looks like --mode=${others[0]}`;
  const of = families.length === 1 ? ` for ${families[0]}` : '';
  return `--rules: no rules of ${mode} mode${of} in ${name}${meant}`;
}

async function readTexts(
  family: Family,
  { mode, config }: Settings,
  texts: RuleTexts,
  signal: AbortSignal,
): Promise<FoundFamily> {
  if (mode === 'nftables') {
    const listing = texts.nft[family];
    const randomFully = !listing.includes('masquerade') || listing.includes('masquerade fully-random');
    return { ledger: adoptTable(listing), tables: [], capabilities: { nfacct: false, randomFully } };
  }
  const tables = parseSave(texts.save[family]);
  if (mode === 'iptables') {
    const ledger = adoptIptables(tables);
    return { ledger, tables, capabilities: await toldCapabilities(family, ledger, signal) };
  }
  const ledger = adoptIpvs(
    {
      virtuals: parseIpvsadm(texts.ipvsadm),
      sets: parseIpset(texts.ipset),
      addresses: addressesIn(texts.addresses),
      tables,
    },
    family,
    config.ipvs.excludeCIDRs,
  );
  return { ledger, tables, capabilities: await toldCapabilities(family, asIptables(ledger), signal) };
}

function addressesIn(text: string): readonly Address[] {
  if (text.startsWith('[')) return parseAddresses(text);
  return text
    .split('\n')
    .map((line) => parseAddress(line.replace(/\/.*/, '')))
    .filter((address) => address !== undefined);
}

/** What the rules tell of what the node can do; all else it is taken to be able to. */
function toldCapabilities(family: Family, ledger: Ledger, signal: AbortSignal): Promise<Capabilities> {
  const willing = { run: async () => ({ exitCode: 0, stdout: '', stderr: '' }) };
  return probeCapabilities(new IptablesTools(family, 'nft', willing), ledger, true, signal);
}
