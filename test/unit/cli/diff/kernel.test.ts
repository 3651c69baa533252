import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FAMILIES } from '../../../../rules/model.ts';
import { nodeDifference } from '../../../../src/cli/diff/difference.ts';
import { liveKernel } from '../../../../src/cli/diff/kernel.ts';
import { readingExec } from '../../../../src/cli/diff/reading-exec.ts';
import { readFilesInto } from '../../../../src/cli/objects.ts';
import { loadSettings } from '../../../../src/config/load.ts';
import type { Mode } from '../../../../src/config/settings.ts';
import type { Exec } from '../../../../src/dataplane/exec.ts';
import { Tracker } from '../../../../src/tracker/tracker.ts';
import { caseFlags } from '../../../conformance/in-process.ts';
import { type CorpusCase, corpusCases } from '../../../lab/corpus.ts';
import { differing, dump, linesIn } from './comparison.ts';

const CASES = await corpusCases();
const CASE = CASES.find(({ name }) => name === 'dual-stack') ?? expect.fail('a case is missing');

/** A node's tools, which print what they would on a node of the corpus. */
class CorpusNode implements Exec {
  readonly calls: string[] = [];
  readonly #outputs: ReadonlyMap<string, string>;
  readonly #failing: RegExp;

  constructor(of: CorpusCase, mode: Mode, failing = /^$/) {
    this.#failing = failing;
    const file = (name: string): string => dump(of, mode === 'ipvs' ? `ipvs/${name}` : name);
    const addresses = (lines: readonly string[]): string =>
      JSON.stringify([{ addr_info: lines.map((line) => ({ local: line.split('/')[0], scope: 'global' })) }]);
    this.#outputs = new Map([
      ['iptables-nft-save', file('iptables-save.txt')],
      ['iptables-nft -w 5 -t mangle -S', '-P PREROUTING ACCEPT\n-N KUBE-PROXY-CANARY\n'],
      ['ip6tables-nft-save', file('ip6tables-save.txt')],
      ['ip6tables-nft -w 5 -t mangle -S', ''],
      ['iptables-legacy-save', ''],
      ['ip6tables-legacy-save', ''],
      ['nfacct list', ''],
      ['ip -j address show', addresses(of.addresses.map(({ address }) => address))],
      ...(mode === 'ipvs'
        ? ([
            ['ipvsadm -Sn', file('ipvsadm.txt')],
            ['ipset save', file('ipset.txt')],
            ['ip -j address show dev kube-ipvs0', addresses(file('addresses.txt').trim().split('\n'))],
          ] as const)
        : []),
    ]);
  }

  run: Exec['run'] = async (program, args) => {
    const call = [program, ...args].join(' ');
    this.calls.push(call);
    if (this.#failing.test(call)) return { exitCode: 3, stdout: '', stderr: `${program}: Permission denied` };
    const stdout = this.#outputs.get(call);
    if (stdout === undefined) throw new Error(`a node that is only looked at is asked: ${call}`);
    return { exitCode: 0, stdout, stderr: '' };
  };
}

async function compare(mode: Mode, node: CorpusNode) {
  const flags = caseFlags(CASE).filter((flag) => !flag.startsWith('--local-addresses'));
  const loaded = loadSettings([...flags, `--mode=${mode}`], {
    readFile: (path) => readFileSync(path, 'utf8'),
    hostname: () => 'host.example',
  });
  if (loaded.kind !== 'settings') throw new Error('the flags ask for something to print');
  const { settings } = loaded;
  const warnings: string[] = [];
  const tracker = new Tracker({ nodeName: settings.nodeName, report: () => {} });
  readFilesInto(tracker, settings.from);
  const source = liveKernel(settings, node, FAMILIES);
  const warn = (message: string): void => void warnings.push(message);
  const { signal } = new AbortController();
  return { ...(await nodeDifference({ tracker, settings, source, warn }, signal)), warnings };
}

describe('the kernel of a node that kube-proxy has programmed', () => {
  it.each(['iptables', 'ipvs'] as const)('%s mode: is in step, and only looked at', async (mode) => {
    const node = new CorpusNode(CASE, mode);
    const compared = await compare(mode, node);
    expect(linesIn(compared)).toEqual([]);
    expect(differing(compared)).toEqual([]);
    expect(compared.warnings).toEqual([]);
    expect(compared.families.map(({ inStep }) => inStep)).toEqual([4, 5]);
    expect(node.calls).toContain('ip -j address show');
  });

  it('is compared for one family where the other cannot be read', async () => {
    const compared = await compare('iptables', new CorpusNode(CASE, 'iptables', /^ip6tables-nft-save$/));
    expect(compared.families.map(({ family }) => family)).toEqual(['ipv4']);
    expect(compared.warnings).toEqual([
      expect.stringMatching(/^IPv6 is not compared: ip6tables-nft-save.*Permission denied/),
    ]);
  });

  it('cannot be compared where the family that the node needs cannot be read', async () => {
    const node = new CorpusNode(CASE, 'iptables', /^iptables-nft-save$/);
    await expect(compare('iptables', node)).rejects.toThrow(/Permission denied/);
  });

  it('lets rules count packets only where the kernel can', async () => {
    const compared = await compare('iptables', new CorpusNode(CASE, 'iptables', /^nfacct/));
    expect(linesIn(compared)).toContain(
      '- -A KUBE-FORWARD -m conntrack --ctstate INVALID -m nfacct --nfacct-name  ct_state_invalid_dropped_pkts -j DROP',
    );
    expect(linesIn(compared)).toContain('+ -A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP');
  });
});

describe('programs that only read', () => {
  const signal = undefined;
  const calls: string[] = [];
  const exec = readingExec({
    run: async (program, args) => {
      calls.push([program, ...args].join(' '));
      return { exitCode: 0, stdout: '', stderr: '' };
    },
  });

  it.each([
    ['iptables-nft', ['-t', 'nat', '-F']],
    ['nft', ['-f', '-']],
    ['nft', ['flush', 'ruleset']],
    ['ipset', ['restore']],
    ['ipvsadm', ['-C']],
    ['ip', ['link', 'add', 'kube-ipvs0', 'type', 'dummy']],
    ['sysctl', ['-w', 'net.ipv4.ip_forward=1']],
  ])('are not %s %j', async (program, args) => {
    calls.length = 0;
    await expect(exec.run(program, args, signal)).rejects.toThrow('may write');
    expect(calls).toEqual([]);
  });

  it('try what they restore, but for the legacy tool, which would make tables', async () => {
    calls.length = 0;
    await exec.run('iptables-nft-restore', ['--noflush']);
    await exec.run('iptables-legacy-restore', ['--noflush']);
    await exec.run('nfacct', ['add', 'counter']);
    expect(calls).toEqual(['iptables-nft-restore --noflush --test']);
  });
});
