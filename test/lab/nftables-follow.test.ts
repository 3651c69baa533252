import type { V1ServiceCIDR } from '@kubernetes/client-node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FAMILIES, type Family } from '../../rules/model.ts';
import { type ApiServer, startApiServer } from '../apiserver/server.ts';
import { tally } from './answers.ts';
import { ApiGate } from './api-gate.ts';
import { eventually } from './deadline.ts';
import { FairleadProcess, labConfiguration } from './fairlead-process.ts';
import { Lab } from './lab.ts';
import { clusterIP, nodes, SERVICE_PORT, type ServiceOptions, service, slices } from './manifest.ts';
import { NftToolbox } from './nftables-toolbox.ts';
import type { Target } from './probe-protocol.ts';
import { describeLab } from './suite.ts';
import { ADDRESSES } from './topology.ts';

const HOSTNAMES = { n: 10, endpoints: ['pod-a', 'pod-b', 'pod-c'] } as const satisfies ServiceOptions;
/** An address of the Services' networks that nobody has. */
const UNUSED = 200;

await describeLab('nftables mode, following the API server', () => {
  let lab: Lab;
  let api: ApiServer;
  let toolbox: NftToolbox;

  beforeAll(async () => {
    lab = await Lab.create();
    api = await startApiServer();
    for (const object of [...nodes(), ...service('hostnames', HOSTNAMES)]) api.put(object);
    toolbox = lab.own(await NftToolbox.create());
    const gate = await ApiGate.open(lab, api);
    const config = await lab.file('config.yaml', labConfiguration());
    const flags = ['--mode=nftables', '--config', config, '--kubeconfig', gate.kubeconfig];
    await lab.own(new FairleadProcess(lab.node, flags, { PATH: toolbox.path })).synced();
  }, 60_000);

  afterAll(async () => {
    await lab?.[Symbol.asyncDispose]();
    await api?.close();
  });

  const target = (family: Family, n: number): Target => ({
    protocol: 'tcp',
    address: clusterIP(family, n),
    port: SERVICE_PORT,
  });
  /** Waits until requests from outside are answered by these Pods (or end like this), all of them and no others. */
  const answeredBy = (family: Family, n: number, expected: readonly string[], count = 30) =>
    eventually(`${family} requests answered by ${expected.join()}`, async () => {
      // In IPv6 over veth a refusal takes a second.
      const request = { count, parallel: 10, timeoutMs: 3_000 };
      const answers = tally(await lab.from(lab.outside).request(target(family, n), request));
      return Object.keys(answers).join() === expected.join() ? answers : undefined;
    });

  it('sends requests where the EndpointSlice says, writes no more than that, and lists nothing', async () => {
    for (const family of FAMILIES) await answeredBy(family, HOSTNAMES.n, HOSTNAMES.endpoints);
    await toolbox.forget();
    for (const slice of slices('hostnames', ['pod-a', 'pod-d'])) api.put(slice);
    for (const family of FAMILIES) await answeredBy(family, HOSTNAMES.n, ['pod-a', 'pod-d']);
    const writes = await toolbox.writes();
    expect(
      writes.filter((line) => !/^(flush chain|add rule) \S+ \S+ service-|hairpin-connections/.test(line)),
    ).toEqual([]);
    expect(writes.filter((line) => line.startsWith('flush chain'))).toHaveLength(FAMILIES.length);
    expect(await toolbox.listings()).toEqual([]);
  });

  it('serves a Service as soon as it is there, and refuses once it is gone', async () => {
    const added = { n: 12, endpoints: ['pod-b'] } as const;
    for (const object of service('added', added)) api.put(object);
    for (const family of FAMILIES) await answeredBy(family, added.n, ['pod-b']);
    for (const slice of slices('added', [])) api.put(slice);
    for (const family of FAMILIES) await answeredBy(family, added.n, ['refused'], 1);
    api.delete('Service', 'default', 'added');
    await eventually('a table without the Service', async () => {
      const tables = await Promise.all(FAMILIES.map((family) => listing(family)));
      return tables.some((table) => table.includes('default/added')) ? undefined : tables;
    });
  });

  it('drops what goes to an unallocated address of a ServiceCIDR, for as long as there is one', async () => {
    const passes = async (family: Family) => (await counted(family)) > 0;
    await watchUnused();
    for (const family of FAMILIES) expect(await passes(family), 'without a ServiceCIDR').toBe(true);
    const cidrs = FAMILIES.map((family) => ADDRESSES[family].serviceCIDR);
    const serviceCIDR: V1ServiceCIDR = {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'ServiceCIDR',
      metadata: { name: 'lab' },
      spec: { cidrs },
    };
    api.put(serviceCIDR);
    for (const family of FAMILIES) {
      await eventually('drops', async () => ((await passes(family)) ? undefined : true));
      await answeredBy(family, HOSTNAMES.n, ['pod-a', 'pod-d']);
    }
    api.delete('ServiceCIDR', '', 'lab');
    for (const family of FAMILIES) {
      await eventually('lets pass', async () => ((await passes(family)) ? true : undefined));
    }
  });

  const listing = (family: Family) =>
    lab.node.run(['nft', '-s', 'list', 'table', family === 'ipv6' ? 'ip6' : 'ip', 'kube-proxy']);

  /** Counts packets to the address behind everything that could drop them. */
  const watchUnused = async () => {
    const rules = FAMILIES.map((family) => {
      const ip = family === 'ipv6' ? 'ip6' : 'ip';
      return [
        `add table ${ip} watch`,
        `add chain ${ip} watch seen { type filter hook forward priority 300; policy accept; }`,
        `add rule ${ip} watch seen ${ip} daddr ${clusterIP(family, UNUSED)} counter`,
      ].join('\n');
    });
    await lab.node.run(['nft', '-f', '-'], { input: `${rules.join('\n')}\n` });
  };

  /** Packets of one request to the address that got through. */
  const counted = async (family: Family): Promise<number> => {
    const table = [family === 'ipv6' ? 'ip6' : 'ip', 'watch'];
    const packets = async () =>
      Number(/packets (\d+)/.exec(await lab.node.run(['nft', 'list', 'table', ...table]))?.[1]);
    const before = await packets();
    await lab.from(lab.outside).request(target(family, UNUSED), { timeoutMs: 300 });
    return (await packets()) - before;
  };
});
