import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FAMILIES } from '../../rules/model.ts';
import { corpusTable } from '../conformance/nftables-tables.ts';
import { BareNode } from './bare-node.ts';
import { COMPILE_CACHE } from './compile-cache.ts';
import { addressCommands, corpusCases, corpusRules } from './corpus.ts';
import { FairleadProcess } from './fairlead-process.ts';
import { listTable } from './nftables-node.ts';
import { NftToolbox } from './nftables-toolbox.ts';
import { dumpRules, tool } from './rule-dump.ts';
import { BACKENDS, type Backend, describeLab } from './suite.ts';
import { Toolbox } from './toolbox.ts';

const MAIN = process.env['FAIRLEAD_MAIN'] ?? fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const [CASE] = (await corpusCases()).filter(({ name }) => name === 'dual-stack');
/** What nodes of the corpus count packets with. */
const COUNTERS = ['ct_state_invalid_dropped_pkts', 'localhost_nps_accepted_pkts'];

interface DiffRun {
  readonly exitCode: number;
  readonly summary: readonly string[];
  readonly lines: readonly string[];
  readonly stderr: string;
}

await describeLab('fairlead diff on a live kernel', () => {
  const of = CASE ?? expect.fail('the corpus must have the case dual-stack');
  let node: BareNode;

  const addresses = async () => {
    await node.namespace.ip(['addr flush dev eth0', 'addr flush dev eth1', ...addressCommands(of)]);
  };
  /** @param path with programs that record what is done with them */
  const diff = async (flags: readonly string[], path: string): Promise<DiffRun> => {
    const process_ = [process.execPath, MAIN, 'diff', '--config', of.config, '--from', of.cluster, ...flags];
    const script = '"$@"; echo "exit code $?"';
    const output = await node.namespace.run(['sh', '-c', `exec 2>&1; ${script}`, 'sh', ...process_], {
      env: { ...COMPILE_CACHE, NO_COLOR: '1', PATH: path },
    });
    const [, exitCode] = /exit code (\d+)\n$/.exec(output) ?? [];
    const all = output.split('\n').slice(0, -2);
    return {
      exitCode: Number(exitCode),
      summary: all.filter((line) => /^IPv[46] /.test(line)),
      lines: all.filter((line) => /^[-+] /.test(line)),
      stderr: all.filter((line) => /^(fairlead|IPv. is)/.test(line)).join('\n'),
    };
  };
  const EQUAL: DiffRun = {
    exitCode: 0,
    summary: ['IPv4  in step: 4 ServicePorts', 'IPv6  in step: 5 ServicePorts'],
    lines: [],
    stderr: '',
  };

  beforeAll(async () => {
    node = await BareNode.create(['eth0', 'eth1']);
    await addresses();
  });
  afterAll(async () => {
    await node?.[Symbol.asyncDispose]();
  });

  describe.each(BACKENDS)('iptables mode, %s backend', (backend) => {
    let toolbox: Toolbox;
    beforeAll(async () => {
      toolbox = await Toolbox.create();
      for (const name of COUNTERS) await node.namespace.run(['sh', '-c', `nfacct add ${name} || true`]);
    });
    afterAll(async () => {
      await toolbox?.[Symbol.asyncDispose]();
    });

    const flags = ['--iptables-backend', backend];
    const dumps = () => Promise.all(FAMILIES.map((family) => dumpRules(node.namespace, backend, family)));
    const become = (text: (rules: string) => string = (rules) => rules) =>
      Promise.all(
        FAMILIES.map(async (family) => {
          const input = text(await corpusRules(of.name, family));
          await node.namespace.run([tool(backend, family, '-restore'), '-w'], { input });
        }),
      );

    it('beside kube-proxy nothing differs, and nothing is written', async () => {
      await become();
      const before = await dumps();
      await toolbox.forget();
      expect(await diff(flags, toolbox.path)).toEqual(EQUAL);
      expect(await toolbox.restores()).toEqual([]);
      expect(await toolbox.writes()).toEqual([]);
      expect(await dumps()).toEqual(before);
    });

    it('what somebody has edited is found, and left as it is', async () => {
      await become();
      const rule = ['KUBE-MARK-MASQ', '-j', 'MARK', '--set-xmark', '0x4000/0x4000'];
      await node.namespace.run([tool(backend, 'ipv4'), '-w', '-t', 'nat', '-D', ...rule]);
      await node.namespace.run([tool(backend, 'ipv6'), '-w', '-t', 'nat', '-N', 'KUBE-SVC-AAAAAAAAAAAAAAAA']);
      const before = await dumps();
      const { exitCode, summary, lines } = await diff(flags, toolbox.path);
      expect(summary).toEqual([
        'IPv4  in step: 4 ServicePorts, what all share differs',
        'IPv6  in step: 5 ServicePorts, more that is not wanted',
      ]);
      expect(lines).toEqual([`+ -A ${rule.join(' ')}`, '- :KUBE-SVC-AAAAAAAAAAAAAAAA']);
      expect(exitCode).toBe(1);
      expect(await dumps()).toEqual(before);
    });

    it('on a node without rules all is missing, and what it can do is found out without writing', async () => {
      await node.namespace.run(['sh', '-c', flushed(backend)]);
      const before = await dumps();
      await toolbox.forget();
      const { exitCode, summary, lines } = await diff(flags, toolbox.path);
      expect(exitCode).toBe(1);
      expect(summary).toEqual([
        'IPv4  in step: 0 ServicePorts, 4 are missing, what all share differs',
        'IPv6  in step: 0 ServicePorts, 5 are missing, what all share differs',
      ]);
      expect(lines.filter((line) => line.startsWith('-'))).toEqual([]);
      expect(await toolbox.writes()).toEqual([]);
      expect(await dumps()).toEqual(before);
    });

    it('what the daemon has programmed is in step', async () => {
      const all = ['--config', of.config, '--from', of.cluster, ...flags];
      await using fairlead = new FairleadProcess(node.namespace, all, { PATH: toolbox.path });
      await fairlead.synced();
      expect(await diff(flags, toolbox.path)).toEqual(EQUAL);
      expect(await fairlead.stop()).toBe(0);
    });
  });

  describe('nftables mode', () => {
    let toolbox: NftToolbox;
    beforeAll(async () => {
      toolbox = await NftToolbox.create();
      await node.namespace.run(['nft', 'flush', 'ruleset']);
    });
    afterAll(async () => {
      await toolbox?.[Symbol.asyncDispose]();
    });

    const flags = ['--mode=nftables'];
    const tables = () => Promise.all(FAMILIES.map((family) => listTable(node.namespace, family)));

    it('beside kube-proxy nothing differs, and nothing is written', async () => {
      for (const family of FAMILIES) {
        await node.namespace.run(['nft', '-f', '-'], { input: corpusTable(of, family) });
      }
      const before = await tables();
      expect(await diff(flags, toolbox.path)).toEqual(EQUAL);
      expect(await toolbox.writes()).toEqual([]);
      expect(await tables()).toEqual(before);
    });

    it('what somebody has edited is found, and left as it is', async () => {
      await node.namespace.run(['nft', 'flush', 'map', 'ip', 'kube-proxy', 'service-nodeports']);
      const before = await tables();
      const { exitCode, summary, lines } = await diff(flags, toolbox.path);
      expect(summary[0]).toBe('IPv4  in step: 3 ServicePorts, 1 differs');
      expect(lines).toEqual([
        '+ element service-nodeports { tcp . 31902 : goto external-XS6BVTGN-default/require-v6-first/tcp/http }',
      ]);
      expect(exitCode).toBe(1);
      expect(await tables()).toEqual(before);
    });

    it('what the daemon has programmed is in step', async () => {
      const all = ['--config', of.config, '--from', of.cluster, ...flags];
      await using fairlead = new FairleadProcess(node.namespace, all, { PATH: toolbox.path });
      await fairlead.synced();
      expect(await diff(flags, toolbox.path)).toEqual(EQUAL);
      expect(await fairlead.stop()).toBe(0);
    });
  });
});

function flushed(backend: Backend): string {
  return ['iptables', 'ip6tables']
    .flatMap((name) =>
      ['mangle', 'filter', 'nat'].flatMap((table) =>
        ['-F', '-X'].map((option) => `${name}-${backend} -w -t ${table} ${option}`),
      ),
    )
    .join('; ');
}
