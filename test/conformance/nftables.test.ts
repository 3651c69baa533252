import { describe, expect, it } from 'vitest';
import { FAMILIES } from '../../rules/model.ts';
import { adoptTable } from '../../rules/nftables/adopt.ts';
import { planNftables } from '../../rules/nftables/plan.ts';
import { printTable } from '../../rules/nftables/print.ts';
import { corpusCases } from '../lab/corpus.ts';
import { differences } from './compare/dump.ts';
import { readNftTable } from './compare/nftables.ts';
import { corpusRuleset, corpusTable } from './nftables-tables.ts';

const cases = await corpusCases();

describe.each(cases)('what kube-proxy 1.36 programs for $name', (of) => {
  it.each(FAMILIES)('%s: the table is the same', (family) => {
    const printed = printTable(corpusRuleset(of, family), family);
    expect(differences(readNftTable(corpusTable(of, family)), readNftTable(printed))).toEqual([]);
  });

  it.each(FAMILIES)('%s: taking over from it writes nothing', (family) => {
    const ledger = adoptTable(corpusTable(of, family));
    const plan = planNftables(family, corpusRuleset(of, family), ledger);
    expect(plan.sections.map(({ text }) => text)).toEqual([]);
  });

  it.each(FAMILIES)('%s: what is printed is read back as it was meant', (family) => {
    const ruleset = corpusRuleset(of, family);
    const ledger = adoptTable(printTable(ruleset, family));
    ledger.delete('table');
    expect(ledger).toEqual(new Map([...ruleset.keys()].map((key) => [key, ruleset.text(key)])));
  });
});

it('the comparison fails where the table of another case is', () => {
  const [one, other] = ['clusterip-tcp', 'detect-none'].map((name) => cases.find((of) => of.name === name));
  if (!one || !other) return expect.fail('cases of the corpus are missing');
  const found = differences(
    readNftTable(corpusTable(one, 'ipv4')),
    readNftTable(printTable(corpusRuleset(other, 'ipv4'), 'ipv4')),
  );
  expect(found).toContainEqual(expect.stringMatching(/map service-ips: missing: element 10\.96\./));
  expect(found).toContainEqual(expect.stringMatching(/map service-ips: extra: element 10\.96\./));
  expect(found).toContainEqual(expect.stringMatching(/chain services: missing: ip daddr @cluster-ips/));
});
