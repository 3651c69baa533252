import { describe, expect, it, test } from 'vitest';
import type { Mode } from '../../../../src/config/settings.ts';
import { type CorpusCase, corpusCases } from '../../../lab/corpus.ts';
import { compareCase, differing, dump, linesIn } from './comparison.ts';

const CASES = await corpusCases();
const MODES: readonly Mode[] = ['iptables', 'nftables', 'ipvs'];

function named(name: string): CorpusCase {
  return CASES.find((of) => of.name === name) ?? expect.fail(`the corpus must have the case ${name}`);
}

describe.each(MODES)('beside a kube-proxy in %s mode', (mode) => {
  it.each(CASES.map((of) => [of.name, of] as const))('%s: nothing differs', async (_, of) => {
    const compared = await compareCase(of, mode);
    expect(linesIn(compared)).toEqual([]);
    expect(differing(compared)).toEqual([]);
    expect(compared.families.map(({ family }) => family)).toEqual(['ipv4', 'ipv6']);
    expect(compared.warnings).toEqual([]);
  });
});

/** `default/web:http` in what a line says, if it says it. */
function namedIn(line: string): string | undefined {
  return /([a-z0-9-]+\/[a-z0-9-]+:[a-z0-9-]+)/.exec(line)?.[1];
}

describe('iptables mode: each rule of ours that is removed is found', () => {
  const of = named('dual-stack');
  const lines = dump(of, 'iptables-save.txt').split('\n');
  const ours = lines.flatMap((line, i) => (line.startsWith('-A ') ? [[line, i] as const] : []));

  it.each(ours)('%s', async (line, removed) => {
    const compared = await compareCase(of, 'iptables', (file, text) =>
      file === 'iptables-save.txt' ? lines.filter((_, i) => i !== removed).join('\n') : text,
    );
    expect(linesIn(compared)).toEqual([`+ ${line}`]);
    const [found] = differing(compared);
    const name = namedIn(line);
    if (name !== undefined) expect(found).toMatch(`ipv4 ${name}/`);
    expect(differing(compared)).toHaveLength(1);
  });
});

describe('nftables mode: each line that is removed is found', () => {
  const of = named('session-affinity');
  const lines = dump(of, 'nftables.txt').split('\n');
  const rules = lines.flatMap((line, i) =>
    /^\t\t(?!type|comment|elements|size|flags|timeout)\S/.test(line) ? [[line.trim(), i] as const] : [],
  );

  it.each(rules)('%s', async (line, removed) => {
    const compared = await compareCase(of, 'nftables', (file, text) =>
      file === 'nftables.txt' ? lines.filter((_, i) => i !== removed).join('\n') : text,
    );
    const [chain, ...others] = linesIn(compared);
    expect(chain).toMatch(/^ {2}chain /);
    expect(others).toEqual([`+   ${line}`]);
    const [, service] = /^ {2}chain \S+?-[A-Z2-7]{8}-([^/]+\/[^/]+)\//.exec(chain ?? '') ?? [];
    expect(differing(compared)[0]).toMatch(service === undefined ? 'ipv4 (base) changed' : `ipv4 ${service}`);
  });
});

describe('ipvs mode: each line that is removed is found', () => {
  const of = named('loadbalancer');
  const all = ['ipvs/ipvsadm.txt', 'ipvs/ipset.txt', 'ipvs/addresses.txt', 'ipvs/iptables-save.txt'].flatMap(
    (file) =>
      dump(of, file)
        .split('\n')
        .flatMap((line) => (/^(-A \S+ \S+ -|-a|add|\d|-A K)/.test(line) ? [[file, line] as const] : [])),
  );

  it.each(all)('%s: %s', async (file, line) => {
    const compared = await compareCase(of, 'ipvs', (other, text) =>
      other === file ? text.replace(`${line}\n`, '') : text,
    );
    // Without the rule that masquerades nothing tells of random ports.
    const shown = file.endsWith('addresses.txt')
      ? line.replace(/\/.*/, '')
      : line.replace(/ --random-fully$/, '');
    expect(linesIn(compared).join('\n')).toContain(`+ ${shown}`);
  });
});

test.each(MODES)('%s mode: a node with nothing on it lacks every ServicePort', async (mode) => {
  const of = named('clusterip-tcp');
  const empty: Readonly<Record<string, string>> = {
    'iptables-save.txt': '*nat\nCOMMIT\n',
    'ip6tables-save.txt': '',
    'nftables.txt': 'table ip kube-proxy {\n}\n',
    'nftables6.txt': '',
    'ipvs/iptables-save.txt': '*nat\nCOMMIT\n',
    'ipvs/ipset.txt': 'create other hash:ip family inet\n',
  };
  const compared = await compareCase(of, mode, (file) => empty[file] ?? '');
  expect(compared.families.map(({ inStep }) => inStep)).toEqual([0]);
  const states = differing(compared).filter((line) => !line.includes('(base)'));
  expect(states.length).toBeGreaterThan(0);
  expect(states.filter((line) => !line.endsWith(' missing'))).toEqual([]);
});
