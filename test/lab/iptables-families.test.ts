import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FAMILIES, type Family } from '../../rules/model.ts';
import { BareNode } from './bare-node.ts';
import { FairleadProcess, labConfiguration } from './fairlead-process.ts';
import { manifest } from './manifest.ts';
import { newPrefix } from './namespaces.ts';
import { dumpRules } from './rule-dump.ts';
import { describeLab } from './suite.ts';
import { Toolbox } from './toolbox.ts';
import { ADDRESSES } from './topology.ts';
import { trafficCluster } from './traffic-services.ts';

await describeLab('iptables mode, a family without its tools', () => {
  let resources: AsyncDisposableStack;
  let node: BareNode;
  let folder: string;

  beforeAll(async () => {
    resources = new AsyncDisposableStack();
    node = resources.use(await BareNode.create(['eth0']));
    await node.namespace.ip(
      FAMILIES.map((family) => {
        const { node: address, nodeSubnetLength } = ADDRESSES[family];
        return `addr add ${address}/${nodeSubnetLength} dev eth0${family === 'ipv6' ? ' nodad' : ''}`;
      }),
    );
    folder = await mkdtemp(join(tmpdir(), `${newPrefix()}-`));
    resources.defer(() => rm(folder, { recursive: true, force: true }));
    await writeFile(join(folder, 'cluster.yaml'), manifest(trafficCluster()));
    await writeFile(join(folder, 'config.yaml'), labConfiguration());
  });

  afterAll(async () => {
    await resources?.disposeAsync();
  });

  const start = (toolbox: Toolbox, ...more: string[]) => {
    const files = ['--config', join(folder, 'config.yaml'), '--from', join(folder, 'cluster.yaml')];
    return new FairleadProcess(node.namespace, [...files, ...more], { PATH: toolbox.path });
  };
  const dump = (family: Family) => dumpRules(node.namespace, 'nft', family);

  it('serves IPv4 alone where ip6tables is missing, and says so once', async () => {
    await using toolbox = await Toolbox.create(/^ip6tables/);
    await using fairlead = start(toolbox);
    await fairlead.synced(['ipv4']);
    expect(await fairlead.stop()).toBe(0);
    expect(fairlead.log.filter((record) => /single.stack/i.test(record.msg))).toHaveLength(1);
    expect(fairlead.syncs('ipv6')).toEqual([]);
    expect(await dump('ipv4')).toContain('default/hostnames cluster IP');
    expect(await dump('ipv6')).not.toContain('KUBE-');
  });

  it('ends with 1 where iptables is missing on an IPv4 node', async () => {
    await using toolbox = await Toolbox.create(/^iptables/);
    await using fairlead = start(toolbox);
    expect(await fairlead.ended()).toBe(1);
    expect(JSON.stringify([fairlead.output, fairlead.log])).toContain('iptables');
    expect(await dump('ipv6')).not.toContain('KUBE-');
  });

  it('ends with 1 where ip6tables is missing on an IPv6 node', async () => {
    await using toolbox = await Toolbox.create(/^ip6tables/);
    await using fairlead = start(toolbox, '--bind-address', ADDRESSES.ipv6.node);
    expect(await fairlead.ended()).toBe(1);
    expect(JSON.stringify([fairlead.output, fairlead.log])).toContain('ip6tables');
  });
});
