import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FAMILIES } from '../../rules/model.ts';
import { BareNode } from './bare-node.ts';
import { corpusRules } from './corpus.ts';
import { FairleadProcess } from './fairlead-process.ts';
import { dumpRules, tool } from './rule-dump.ts';
import { BACKENDS, describeLab } from './suite.ts';
import { Toolbox } from './toolbox.ts';

const CORPUS = new URL('../../fixtures/kube-proxy-1.36/', import.meta.url);
const NFACCT_OBJECTS = ['ct_state_invalid_dropped_pkts', 'localhost_nps_accepted_pkts'];

/** What stays: the kubelet's, and that of people who have nothing to do with us. */
const FOREIGN = [
  '*mangle',
  ':KUBE-KUBELET-CANARY - [0:0]',
  ':KUBE-IPTABLES-HINT - [0:0]',
  'COMMIT',
  '*filter',
  ':KUBE-FIREWALL - [0:0]',
  ':KUBE-KUBELET-CANARY - [0:0]',
  ':KUBE-ROUTER-INPUT - [0:0]',
  '-A INPUT -j KUBE-FIREWALL',
  '-A OUTPUT -j KUBE-FIREWALL',
  '-A INPUT -m comment --comment "kube-router netpol" -j KUBE-ROUTER-INPUT',
  '-A KUBE-FIREWALL -m comment --comment "kubelet" -m mark --mark 0x8000/0x8000 -j DROP',
  'COMMIT',
  '*nat',
  ':KUBE-KUBELET-CANARY - [0:0]',
  ':OTHER-TOOL - [0:0]',
  '-A PREROUTING -j OTHER-TOOL',
  '-A OTHER-TOOL -p tcp -m tcp --dport 9 -j RETURN',
  '-A POSTROUTING -m comment --comment "KUBE-SERVICES in words only" -j RETURN',
  'COMMIT\n',
].join('\n');

await describeLab('--cleanup', () => {
  let node: BareNode;
  let toolbox: Toolbox;

  beforeAll(async () => {
    node = await BareNode.create(['eth0', 'eth1']);
    toolbox = await Toolbox.create();
  }, 60_000);

  afterAll(async () => {
    await toolbox?.[Symbol.asyncDispose]();
    await node?.[Symbol.asyncDispose]();
  });

  const both = BACKENDS.flatMap((backend) => FAMILIES.map((family) => [backend, family] as const));
  const dumps = () =>
    Promise.all(both.map(([backend, family]) => dumpRules(node.namespace, backend, family)));
  const restore = (backend: (typeof BACKENDS)[number], family: (typeof FAMILIES)[number], input: string) =>
    node.namespace.run([tool(backend, family, '-restore'), '--noflush', '-w'], { input });
  const cleanUp = async () => {
    await using fairlead = new FairleadProcess(node.namespace, ['--cleanup'], { PATH: toolbox.path });
    expect(await fairlead.ended(), JSON.stringify(fairlead.log)).toBe(0);
    return fairlead;
  };

  it("removes iptables mode's rules of both backends and families, and nothing else", async () => {
    for (const [backend, family] of both) await restore(backend, family, FOREIGN);
    const before = await dumps();
    for (const name of NFACCT_OBJECTS) await node.namespace.run(['nfacct', 'add', name]);
    for (const name of ['loadbalancer', 'external-policy-local', 'source-ranges', 'dual-stack'] as const) {
      for (const [backend, family] of both)
        await restore(backend, family, withoutFirewall(await corpusRules(name, family)));
    }
    for (const dump of await dumps()) expect(dump).toContain('KUBE-SVC-');
    await cleanUp();
    expect(await dumps()).toEqual(before);
    for (const name of NFACCT_OBJECTS)
      expect(await node.namespace.run(['nfacct', 'list'])).not.toContain(name);

    await toolbox.forget();
    await cleanUp();
    expect(await toolbox.writes(), 'a second time there is nothing to do').toEqual([]);
    expect(await dumps()).toEqual(before);
  });

  it("removes ipvs mode's rules, ip sets and interface, and nobody else's", async () => {
    const { namespace } = node;
    await namespace.run(['ipset', 'create', 'OTHER-SET', 'hash:ip']);
    await namespace.run(['ipset', 'create', 'KUBE-ROUTER-PODS', 'hash:ip']);
    const before = await dumps();
    const sets = await namespace.run(['ipset', 'save', '-sorted']);
    const expected = (file: string) => readFile(new URL(`ipvs-wrr/expected/ipvs/${file}`, CORPUS), 'utf8');
    await namespace.run(['ipset', 'restore'], { input: createFirst(await expected('ipset.txt')) });
    for (const family of FAMILIES) {
      const file = family === 'ipv4' ? 'iptables-save.txt' : 'ip6tables-save.txt';
      for (const backend of BACKENDS) await restore(backend, family, withoutFirewall(await expected(file)));
    }
    // Without an address on it: where the kernel has no IPVS, nobody can ask for virtual servers.
    await namespace.ip(['link add kube-ipvs0 type bridge']);
    for (const dump of await dumps()) expect(dump).toContain('KUBE-NODE-PORT');
    await cleanUp();
    expect(await dumps()).toEqual(before);
    expect(await namespace.run(['ipset', 'save', '-sorted'])).toBe(sets);
    await expect(namespace.run(['ip', 'link', 'show', 'kube-ipvs0'])).rejects.toThrow();
  });

  it("removes nftables mode's tables, and nobody else's", async () => {
    const { namespace } = node;
    await namespace.run(['nft', '-f', '-'], {
      input:
        'table inet other { chain input { type filter hook input priority 0; }; }\ntable ip other-kube-proxy { }\n',
    });
    const before = await namespace.run(['nft', '-s', 'list', 'tables']);
    for (const file of ['nftables.txt', 'nftables6.txt']) {
      const path = new URL(`loadbalancer/expected/${file}`, CORPUS);
      await namespace.run(['nft', '-f', '-'], { input: await readFile(path, 'utf8') });
    }
    expect(await namespace.run(['nft', 'list', 'tables'])).toMatch(/table ip6 kube-proxy$/m);
    await cleanUp();
    expect(await namespace.run(['nft', '-s', 'list', 'tables'])).toBe(before);
    await cleanUp();
  });
});

/** KUBE-FIREWALL and its jumps are the kubelet's as well: here it has them already. */
function withoutFirewall(rules: string): string {
  return rules
    .split('\n')
    .filter((line) => !line.includes('KUBE-FIREWALL'))
    .join('\n');
}

/** The corpus has its lines sorted, which the tool does not take. */
function createFirst(sets: string): string {
  const lines = sets.split('\n');
  const isCreate = (line: string) => line.startsWith('create ');
  return [...lines.filter(isCreate), ...lines.filter((line) => !isCreate(line))].join('\n');
}
