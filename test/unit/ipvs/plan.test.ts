import { describe, expect, it } from 'vitest';
import { type Fragment, Ruleset } from '../../../rules/fragment.ts';
import { planIpvs } from '../../../rules/ipvs/plan.ts';
import { printIpset, printIptables, printIpvsadm } from '../../../rules/ipvs/print.ts';
import { FAMILIES, type ServicePortKey } from '../../../rules/model.ts';
import { differences } from '../../conformance/compare/dump.ts';
import { corpusCases } from '../../lab/corpus.ts';
import { IPVS_READERS, readIpset, readIpvsadm } from '../../lab/vm/dumps.ts';
import { compileCase } from '../../lab/vm/ipvs-case.ts';
import { Kernel } from './kernel.ts';

const cases = (await corpusCases()).map((of) => ({ name: of.name, ...compileCase(of) }));

describe.each(FAMILIES)('the way from one cluster to the next, %s', (family) => {
  it('is taken by the kernel, ends where it should, and leaves nothing to do', () => {
    const kernel = new Kernel();
    // Forth and back, so that each case comes after two others.
    for (const { name, rulesets, empty } of [...cases, ...cases.toReversed()]) {
      for (const ruleset of [rulesets.get(family), name === 'long-names' ? empty.get(family) : undefined]) {
        if (!ruleset) continue;
        const plan = planIpvs(ruleset, kernel.adopt(family), undefined, { isDrained: () => true });
        for (const section of plan.sections) kernel.apply(section);
        drainAll(kernel, ruleset, family);
        expectState(kernel, ruleset, name);
        expect(planIpvs(ruleset, kernel.adopt(family)).sections, name).toEqual([]);
      }
    }
  });

  it('keeps the ledger as the kernel is, section by section', () => {
    const kernel = new Kernel();
    const ledger = kernel.adopt(family);
    for (const { name, rulesets } of cases) {
      const ruleset = rulesets.get(family);
      if (!ruleset) continue;
      for (const { changes, ...section } of planIpvs(ruleset, ledger).sections) {
        kernel.apply(section);
        for (const [key, text] of changes) {
          if (text === undefined) ledger.delete(key);
          else ledger.set(key, text);
        }
      }
      expect(sorted(ledger), name).toEqual(sorted(kernel.adopt(family)));
    }
  });
});

describe.each(FAMILIES)('ServicePorts that come and go one by one, %s', (family) => {
  it.each(cases)('leave nothing to do that looking at everything would find: $name', ({ rulesets }) => {
    const source = rulesets.get(family);
    if (!source) return expect.fail('unreachable');
    const kernel = new Kernel();
    const ruleset = new Ruleset();
    const ledger = kernel.adopt(family);
    const step = (owner: ServicePortKey, fragment: Fragment | undefined): void => {
      const keys = ruleset.set(owner, fragment);
      for (const { changes, ...section } of planIpvs(ruleset, ledger, keys).sections) {
        kernel.apply(section);
        for (const [key, text] of changes) {
          if (text === undefined) ledger.delete(key);
          else ledger.set(key, text);
        }
      }
      expect(planIpvs(ruleset, kernel.adopt(family)).sections, `after ${owner}`).toEqual([]);
    };
    const owners = [...source.owners()];
    for (const owner of owners) step(owner, source.fragment(owner));
    for (const owner of owners.slice(1)) step(owner, undefined);
    expect(kernel.ipvsadm).toBe('');
    expect(kernel.ipset).not.toContain('add');
  });
});

/** Endpoints that drain go at the second look. */
function drainAll(kernel: Kernel, ruleset: Ruleset, family: 'ipv4' | 'ipv6'): void {
  const plan = planIpvs(ruleset, kernel.adopt(family), undefined, { isDrained: () => true });
  for (const section of plan.sections) kernel.apply(section);
}

function expectState(kernel: Kernel, ruleset: Ruleset, name: string): void {
  expect(differences(readIpvsadm(printIpvsadm([ruleset])), readIpvsadm(kernel.ipvsadm)), name).toEqual([]);
  expect(differences(readIpset(printIpset([ruleset])), readIpset(kernel.ipset)), name).toEqual([]);
  const read = IPVS_READERS['ipvs/iptables-save.txt'];
  if (!read) throw new Error('nothing reads iptables-save');
  const wanted = read(printIptables(ruleset));
  const found = new Map([...read(kernel.save)].filter(([chain]) => chain !== 'nat INPUT'));
  expect(differences(wanted, found), name).toEqual([]);
}

function sorted(ledger: ReadonlyMap<string, string>): readonly (readonly [string, string])[] {
  return [...ledger].sort(([a], [b]) => (a < b ? -1 : 1));
}

it('keeps the rules of another mode until its own stand, and has them go in the same plan', () => {
  const kernel = new Kernel();
  const old = '-d 10.96.0.1/32 -p tcp -m tcp --dport 443 -j KUBE-SVC-NPX46M4PTMTKRN6Y';
  kernel.apply({ tool: 'iptables', text: `*nat\n:KUBE-SERVICES - [0:0]\n-A KUBE-SERVICES ${old}\nCOMMIT\n` });
  const ruleset = cases.find(({ name }) => name === 'clusterip-tcp')?.rulesets.get('ipv4');
  if (!ruleset) throw new Error('the case is not in the corpus');
  const ofRule: string[] = [];
  for (const section of planIpvs(ruleset, kernel.adopt('ipv4')).sections) {
    kernel.apply(section);
    ofRule.push(`${section.tool}: ${kernel.save.includes(old) ? 'there' : 'gone'}`);
  }
  expect(ofRule).toEqual([
    'ipset: there',
    'iptables: there',
    'iptables: there',
    'ip: there',
    'ipvsadm: there',
    'iptables: gone',
  ]);
  expectState(kernel, ruleset, 'clusterip-tcp');
});
