import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FAMILIES } from '../../rules/model.ts';
import { BareNode } from './bare-node.ts';
import { addressCommands, type CorpusCase, corpusCases, corpusRules } from './corpus.ts';
import { FairleadProcess } from './fairlead-process.ts';
import { dumpRules, tool } from './rule-dump.ts';
import { BACKENDS, describeLab } from './suite.ts';
import { Toolbox } from './toolbox.ts';

const CASES = await corpusCases();

await describeLab('iptables mode, taking over from kube-proxy', () => {
  describe.each(BACKENDS)('%s backend', (backend) => {
    let node: BareNode;
    let toolbox: Toolbox;

    beforeAll(async () => {
      node = await BareNode.create(['eth0', 'eth1']);
      toolbox = await Toolbox.create();
      for (const name of ['ct_state_invalid_dropped_pkts', 'localhost_nps_accepted_pkts']) {
        await node.namespace.run(['nfacct', 'add', name]);
      }
    }, 60_000);

    afterAll(async () => {
      await toolbox?.[Symbol.asyncDispose]();
      await node?.[Symbol.asyncDispose]();
    });

    /** Makes the node what kube-proxy left: its addresses and its rules, in place of the case before. */
    const become = async (of: CorpusCase) => {
      await node.namespace.ip([
        'addr flush dev eth0',
        'addr flush dev eth1',
        ...addressCommands(of),
        ...defaultRoutes(of),
      ]);
      await Promise.all(
        FAMILIES.map(async (family) => {
          const input = await corpusRules(of.name, family);
          await node.namespace.run([tool(backend, family, '-restore'), '-w'], { input });
        }),
      );
    };
    const dumps = () => Promise.all(FAMILIES.map((family) => dumpRules(node.namespace, backend, family)));

    /** Fairlead starts on the node, syncs both families, and ends. */
    const takeOver = async (of: CorpusCase) => {
      await toolbox.forget();
      const flags = ['--config', of.config, '--from', of.cluster, '--iptables-backend', backend];
      await using fairlead = new FairleadProcess(node.namespace, flags, { PATH: toolbox.path });
      await fairlead.synced();
      expect(await fairlead.stop()).toBe(0);
      return fairlead;
    };

    it.each(CASES.map((of) => [of.name, of] as const))('%s: writes nothing', async (_, of) => {
      await become(of);
      const before = await dumps();
      const fairlead = await takeOver(of);
      expect(await toolbox.writes()).toEqual([]);
      for (const family of FAMILIES) {
        expect(fairlead.syncs(family), 'what it says itself').toMatchObject([{ lines: 0 }]);
      }
      expect(await dumps()).toEqual(before);
    });

    it('puts back what somebody has removed, and nothing else', async () => {
      const [of] = CASES.filter(({ name }) => name === 'clusterip-tcp');
      if (of === undefined) expect.fail('the corpus must have the case clusterip-tcp');
      await become(of);
      const before = await dumps();
      const chain = /^:(KUBE-SVC-\S+)/m.exec(before[0] ?? '')?.[1] ?? '';
      await node.namespace.run([tool(backend, 'ipv4'), '-w', '-t', 'nat', '-D', chain, '1']);
      expect(await dumps()).not.toEqual(before);
      await takeOver(of);
      const writes = await toolbox.writes();
      expect(writes.length).toBeGreaterThan(0);
      expect(writes.filter((line) => !line.includes(chain))).toEqual([]);
      expect(await dumps()).toEqual(before);
    });
  });
});

/** The corpus' nodes have one in each family, through their first interface. */
function defaultRoutes(of: CorpusCase): readonly string[] {
  return FAMILIES.flatMap((family) => {
    const first = of.addresses.find(({ address }) => address.includes(':') === (family === 'ipv6'));
    return first ? [`route replace ${family === 'ipv6' ? '::/0' : '0.0.0.0/0'} dev ${first.interface}`] : [];
  });
}
