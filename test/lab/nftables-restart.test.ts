import { afterAll, beforeAll, expect, it } from 'vitest';
import { FAMILIES } from '../../rules/model.ts';
import { tally } from './answers.ts';
import { eventually } from './deadline.ts';
import { FairleadProcess, labConfiguration } from './fairlead-process.ts';
import { Lab } from './lab.ts';
import { clusterIP, manifest, nodes, SERVICE_PORT, service } from './manifest.ts';
import { listTable } from './nftables-node.ts';
import { NftToolbox } from './nftables-toolbox.ts';
import { describeLab } from './suite.ts';
import { SERVICES, trafficCluster } from './traffic-services.ts';

await describeLab('nftables mode, restarts', () => {
  let lab: Lab;
  let toolbox: NftToolbox;
  let cluster: string;
  let config: string;

  beforeAll(async () => {
    lab = await Lab.create();
    toolbox = lab.own(await NftToolbox.create());
    cluster = await lab.file('cluster.yaml', manifest(trafficCluster()));
    config = await lab.file('config.yaml', labConfiguration());
  }, 60_000);

  afterAll(async () => {
    await lab?.[Symbol.asyncDispose]();
  });

  const start = (from = cluster, ...more: readonly string[]) => {
    const flags = ['--mode=nftables', '--config', config, '--from', from, ...more];
    return lab.own(new FairleadProcess(lab.node, flags, { PATH: toolbox.path }));
  };
  const tables = () => Promise.all(FAMILIES.map((family) => listTable(lab.node, family)));

  it('leaves the tables in place and ends with 0 when asked to end', async () => {
    const fairlead = start();
    await fairlead.synced();
    const before = await tables();
    for (const table of before) expect(table).toContain('default/hostnames');
    expect(await fairlead.stop()).toBe(0);
    expect(await tables()).toEqual(before);
  });

  it('writes nothing at a second start, though clients are remembered by session affinity', async () => {
    for (const family of FAMILIES) {
      const target = {
        protocol: 'tcp',
        address: clusterIP(family, SERVICES.sticky.n),
        port: SERVICE_PORT,
      } as const;
      await lab.from(lab.outside).request(target);
    }
    await toolbox.forget();
    const fairlead = start();
    await fairlead.synced();
    await fairlead.stop();
    expect(await toolbox.writes()).toEqual([]);
    for (const family of FAMILIES) expect(fairlead.syncs(family)).toMatchObject([{ lines: 0 }]);
  });

  it('writes only the difference when the cluster has changed meanwhile', async () => {
    await toolbox.forget();
    const added = service('added', { n: 99, endpoints: ['pod-a'] });
    const fairlead = start(await lab.file('more.yaml', manifest([...trafficCluster(), ...added])));
    await fairlead.synced();
    await fairlead.stop();
    const writes = await toolbox.writes();
    // For each family a chain with a rule and two elements; pod-a is in the hairpin set already.
    expect(writes.filter((line) => !/default\/added|cluster-ips/.test(line))).toEqual([]);
    expect(writes).toHaveLength(FAMILIES.length * 4);
  });

  it('puts back what somebody has flushed, within a syncPeriod', async () => {
    const fairlead = start(cluster, '--iptables-sync-period=1s');
    await fairlead.synced();
    const before = await tables();
    const allBack = async () =>
      JSON.stringify((await tables()).map(unordered)) === JSON.stringify(before.map(unordered))
        ? true
        : undefined;
    for (const [i, table] of ['ip', 'ip6'].entries()) {
      await lab.node.run(['nft', 'flush', 'chain', table, 'kube-proxy', 'nat-prerouting']);
      await eventually('the table as it was', async () => {
        const now = await tables();
        return now[i] === before[i] ? now : undefined;
      });
    }
    for (const table of ['ip', 'ip6']) {
      await lab.node.run(['nft', 'flush', 'map', table, 'kube-proxy', 'service-ips']);
      await eventually('the map as it was', allBack);
    }
    await lab.node.run(['nft', 'flush', 'ruleset']);
    await eventually('both tables', async () => ((await tables()).includes('') ? undefined : true));
    await eventually('all of both tables', allBack);
    await fairlead.stop();
  });

  it('removes what the cluster no longer has, and what somebody has put into the table', async () => {
    await lab.node.run(['nft', 'add', 'chain', 'ip', 'kube-proxy', 'stranger']);
    const from = await lab.file(
      'fewer.yaml',
      manifest([...nodes(), ...service('selfish', SERVICES.selfish)]),
    );
    const fairlead = start(from);
    await fairlead.synced();
    await fairlead.stop();
    for (const table of await tables()) {
      expect(table).toContain('default/selfish');
      expect(table).not.toContain('default/hostnames');
      expect(table).not.toContain('stranger');
      expect(table.match(/^\tchain (service|external|local|firewall|endpoint)-\S+\/\S+ /gm)).toHaveLength(1);
    }
    const [family] = FAMILIES;
    if (!family) return;
    const target = {
      protocol: 'tcp',
      address: clusterIP(family, SERVICES.hostnames.n),
      port: SERVICE_PORT,
    } as const;
    const answers = await lab.from(lab.outside).request(target, { timeoutMs: 300 });
    expect(Object.keys(tally(answers)).filter((name) => name.startsWith('pod-'))).toEqual([]);
  });
});

/** A table's lines and elements: what is written anew stands elsewhere. */
function unordered(table: string): readonly string[] {
  return table
    .split(/[\n,]/)
    .map((line) => line.trim())
    .sort();
}
