import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { FAMILIES } from '../../../../rules/model.ts';
import { isInStep, nodeDifference } from '../../../../src/cli/diff/difference.ts';
import { liveKernel } from '../../../../src/cli/diff/kernel.ts';
import { readingExec, readingLines } from '../../../../src/cli/diff/reading-exec.ts';
import type { Facts } from '../../../../src/cli/doctor/facts.ts';
import { support } from '../../../../src/cli/doctor/node/readings.ts';
import { readLiveRules } from '../../../../src/cli/explain/live-rules.ts';
import { readFilesInto } from '../../../../src/cli/objects.ts';
import { loadSettings } from '../../../../src/config/load.ts';
import type { Mode, Settings } from '../../../../src/config/settings.ts';
import { type Exec, ExecError } from '../../../../src/dataplane/exec.ts';
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
      ['nft --version', 'nftables v1.0.6 (Lester Gooch #5)\n'],
      ['nft -c -f -', ''],
      ['nft -s list table ip kube-proxy', dump(of, 'nftables.txt')],
      ['nft -s list table ip6 kube-proxy', dump(of, 'nftables6.txt')],
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

/** Programs that match break down. */
class BrokenNode extends CorpusNode {
  constructor(of: CorpusCase, mode: Mode, broken: RegExp) {
    super(of, mode);
    const { run } = this;
    this.run = async (program, args, options) => {
      const call = [program, ...args].join(' ');
      if (broken.test(call)) throw new ExecError('killed', `${program} was ended by SIGSEGV`);
      return await run(program, args, options);
    };
  }
}

function settingsOf(mode: Mode): Settings {
  const flags = caseFlags(CASE).filter((flag) => !flag.startsWith('--local-addresses'));
  const loaded = loadSettings([...flags, `--mode=${mode}`], {
    readFile: (path) => readFileSync(path, 'utf8'),
    hostname: () => 'host.example',
  });
  if (loaded.kind !== 'settings') throw new Error('the flags ask for something to print');
  return loaded.settings;
}

async function compare(mode: Mode, node: CorpusNode) {
  const settings = settingsOf(mode);
  const warnings: string[] = [];
  const tracker = new Tracker({ nodeName: settings.nodeName, report: () => {} });
  readFilesInto(tracker, settings.from);
  const source = liveKernel(settings, node, FAMILIES);
  const warn = (message: string): void => void warnings.push(message);
  const { signal } = new AbortController();
  return { ...(await nodeDifference({ tracker, settings, source, warn }, signal)), warnings };
}

describe('the kernel of a node that kube-proxy has programmed', () => {
  it.each(['iptables', 'ipvs', 'nftables'] as const)(
    '%s mode: is in step, and only looked at',
    async (mode) => {
      const node = new CorpusNode(CASE, mode);
      const compared = await compare(mode, node);
      expect(linesIn(compared)).toEqual([]);
      expect(differing(compared)).toEqual([]);
      expect(compared.warnings).toEqual([]);
      expect(compared.families.map(({ inStep }) => inStep)).toEqual([4, 5]);
      expect(node.calls).toContain('ip -j address show');
    },
  );

  it('is compared for one family where the other cannot be read', async () => {
    const compared = await compare('iptables', new CorpusNode(CASE, 'iptables', /^ip6tables-nft-save$/));
    expect(compared.families.map(({ family }) => family)).toEqual(['ipv4']);
    expect(compared.unread).toEqual([
      { family: 'ipv6', reason: expect.stringMatching(/^ip6tables-nft-save.*Permission denied/) },
    ]);
    expect(isInStep(compared)).toBe(false);
  });

  it('cannot be compared where nft breaks over the table, which is not to say that nothing is there', async () => {
    const node = new BrokenNode(CASE, 'nftables', /list table ip /);
    await expect(compare('nftables', node)).rejects.toThrow('nft does not get table ip kube-proxy listed');
    const other = await compare('nftables', new BrokenNode(CASE, 'nftables', /list table ip6 /));
    expect(differing(other)).toEqual([]);
    expect(other.unread).toEqual([{ family: 'ipv6', reason: expect.stringContaining('ip6 kube-proxy') }]);
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

describe('the nft that is asked', () => {
  afterEach(() => void vi.unstubAllEnvs());

  it.each([
    ['/opt/nft', '/opt/nft'],
    ['', 'nft'],
  ])('is with NFT=%j %s', async (path, program) => {
    vi.stubEnv('NFT', path);
    const calls: string[] = [];
    const exec: Exec = {
      run: async (name) => {
        calls.push(name);
        return { exitCode: 0, stdout: '', stderr: '' };
      },
    };
    const { signal } = new AbortController();
    const settings = settingsOf('nftables');
    await liveKernel(settings, exec, FAMILIES).read('ipv4', signal);
    await readLiveRules(settings, ['ipv4'], exec, signal);
    const ports = { exec, files: { read: () => undefined, list: () => [] }, kernelRelease: '6.1' };
    await support({ settings, ports, signal } as unknown as Facts);
    expect(new Set(calls)).toEqual(new Set([program]));
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
    ['ip', ['route', 'add', 'default', 'dev', 'show0']],
    ['conntrack', ['-D', '-p', 'udp']],
    ['sysctl', ['-w', 'net.ipv4.ip_forward=1']],
  ])('are not %s %j', async (program, args) => {
    calls.length = 0;
    await expect(exec.run(program, args, signal)).rejects.toThrow('may write');
    expect(calls).toEqual([]);
    const lines = readingLines({ lines: async () => expect.fail('it was started') });
    await expect(lines.lines(program, args, () => {})).rejects.toThrow('may write');
  });

  it.each([
    ['ip', ['-o', 'route', 'get', '10.96.0.1']],
    ['ip', ['-j', '-4', 'address', 'show', 'up']],
    ['ip', ['link', 'show', 'kube-ipvs0']],
    ['nft', ['-j', 'list', 'chains', 'inet']],
    ['conntrack', ['-L', '-p', 'udp', '-f', 'ipv4']],
  ])('are %s %j', async (program, args) => {
    calls.length = 0;
    await exec.run(program, args);
    expect(calls).toEqual([[program, ...args].join(' ')]);
  });

  it('try what they restore, but for the legacy tool, which would make tables', async () => {
    calls.length = 0;
    await exec.run('iptables-nft-restore', ['--noflush']);
    await exec.run('iptables-legacy-restore', ['--noflush']);
    await exec.run('nfacct', ['add', 'counter']);
    expect(calls).toEqual(['iptables-nft-restore --noflush --test']);
  });
});
