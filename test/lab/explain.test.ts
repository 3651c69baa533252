import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FAMILIES, type Family } from '../../rules/model.ts';
import { iptablesDataplane, type LabDataplane, NFTABLES } from './dataplanes.ts';
import { ExplainComparison } from './explain-comparison.ts';
import { FairleadProcess, labConfiguration } from './fairlead-process.ts';
import { Lab } from './lab.ts';
import { manifest } from './manifest.ts';
import type { Namespace } from './namespaces.ts';
import { BACKENDS, describeLab } from './suite.ts';
import { ADDRESSES, POD_PORT } from './topology.ts';
import { trafficCluster } from './traffic-services.ts';

const OPTIONS = {
  seed: Number(process.env['EXPLAIN_SEED'] ?? 7),
  cases: 200,
  batch: 100,
  requests: 8,
  silenceMs: 1_000,
};

const DATAPLANES: readonly (readonly [string, LabDataplane])[] = [
  ...BACKENDS.map((backend) => [`iptables mode, ${backend} backend`, iptablesDataplane(backend)] as const),
  ['nftables mode', NFTABLES],
];

await describeLab('explain and the kernel agree', () => {
  describe.each(DATAPLANES)('%s', (name, dataplane) => {
    let lab: Lab;
    let flags: readonly string[];
    let comparison: ExplainComparison;
    const isIptables = name.startsWith('iptables');

    beforeAll(async () => {
      lab = await Lab.create();
      const clusterFile = await lab.file('cluster.yaml', manifest(trafficCluster()));
      const config = await lab.file('config.yaml', labConfiguration());
      flags = ['--config', config, '--from', clusterFile, ...dataplane.flags];
      await lab.own(new FairleadProcess(lab.node, flags)).synced();
      if (isIptables) await addForeignRules(lab.node, dataplane);
      comparison = await ExplainComparison.create(lab, flags, OPTIONS);
    }, 60_000);

    afterAll(async () => {
      await lab?.[Symbol.asyncDispose]();
    });

    it(`for ${OPTIONS.cases} random packets (seed ${OPTIONS.seed}): who answers, as whom the sender is seen, and silence or refusal`, async () => {
      expect(await comparison.withPackets()).toEqual([]);
      // Chance has not left anything out.
      const sorts = [
        'endpoint',
        'pass',
        'drop',
        'reject',
        'masqueraded',
        'as itself',
        'now and then masqueraded',
      ];
      for (const sort of isIptables ? [...sorts, 'foreign'] : sorts) {
        expect(comparison.seen.get(sort), sort).toBeGreaterThan(2);
      }
    });

    it('the rules that the node should have say the same as those in its kernel, but for what others added', async () => {
      expect(await comparison.withDesired()).toEqual([]);
    });

    it('the command does so too, with --live, on the node', async () => {
      const client = ADDRESSES.ipv4.clients[1];
      const args = [...flags, '--from-ip', client, 'svc/default/hostnames'];
      const [live, desired] = await Promise.all([
        explainOn(lab.node, ['--live', ...args]),
        explainOn(lab.node, args),
      ]);
      expect(live).toHaveLength(4);
      expect(live).toEqual(desired);
    });
  });
});

/** The summaries that the command gives on a node. */
async function explainOn(node: Namespace, args: readonly string[]): Promise<readonly string[]> {
  const main = process.env['FAIRLEAD_MAIN'] ?? fileURLToPath(new URL('../../src/main.ts', import.meta.url));
  const text = await node.run([process.execPath, main, 'explain', '--output=json', ...args]);
  const { ways } = JSON.parse(text) as { ways: readonly { summary: string }[] };
  return ways.map(({ summary }) => summary);
}

/** What an administrator and a CNI plugin might have: what decides says that it is foreign. */
async function addForeignRules(node: Namespace, { flags }: LabDataplane): Promise<void> {
  const backend = flags.at(-1) ?? '';
  for (const family of FAMILIES) {
    await node.run([restore(family, backend), '--noflush'], { input: foreignRules(family) });
  }
}

function restore(family: Family, backend: string): string {
  return `${family === 'ipv6' ? 'ip6tables' : 'iptables'}-${backend}-restore`;
}

function foreignRules(family: Family): string {
  const { clients, pods, podCIDR, clusterCIDR } = ADDRESSES[family];
  const to = family === 'ipv6' ? `[${pods['pod-c']}]:${POD_PORT}` : `${pods['pod-c']}:${POD_PORT}`;
  const foreign = '-m comment --comment foreign';
  return `*mangle
-A PREROUTING -s ${clients[2]} -j MARK --set-xmark 0x10/0x10
COMMIT
*nat
:CNI-FOREIGN - [0:0]
-I PREROUTING -s ${clients[3]} -p tcp -m multiport --dports 80,30010:30020 ${foreign} -j DNAT --to-destination ${to}
-A POSTROUTING -s ${podCIDR} -j CNI-FOREIGN
-A CNI-FOREIGN -d ${clusterCIDR} -j RETURN
-A CNI-FOREIGN ! -o cni0 ${foreign} -j MASQUERADE
COMMIT
*filter
:ADMINISTRATOR - [0:0]
:CLIENTS - [0:0]
-I FORWARD -m conntrack --ctstate NEW -j ADMINISTRATOR
-A ADMINISTRATOR -g CLIENTS
-A ADMINISTRATOR -j DROP
-A CLIENTS -m mark --mark 0x10/0x10 -i eth0 -d ${pods['pod-a']} ${foreign} -j DROP
-A CLIENTS -s ${clients[4]} -m conntrack --ctorigdstport 30012 ${foreign} -j REJECT
COMMIT
`;
}
