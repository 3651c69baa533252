import { describe, expect, it } from 'vitest';
import { BASE, Ruleset } from '../../rules/fragment.ts';
import { adoptTable } from '../../rules/nftables/adopt.ts';
import { chainObject } from '../../rules/nftables/objects.ts';
import { planNftables } from '../../rules/nftables/plan.ts';
import { node, service, slice } from '../model/objects.ts';
import type { AuditCluster } from './audit-cluster.ts';
import { auditLines } from './audit-cluster.ts';

/** kube-proxy 1.36 in nftables mode, where the corpus has no case. */
function table(cluster: Omit<AuditCluster, 'mode'>, file = 'nftables.txt'): readonly string[] {
  return auditLines(file, { mode: 'nftables', nodes: [node('node-a')], ...cluster });
}

describe('node ports on all addresses', () => {
  const NONE = 'ip daddr != 127.0.0.0/8 meta l4proto . th dport vmap @no-endpoint-nodeports';
  const SOME = 'fib daddr type local ip daddr != 127.0.0.0/8 meta l4proto . th dport vmap @service-nodeports';

  it('need no set of addresses, and at the input hook no look at where packets go', () => {
    const lines = table({ services: [], flags: ['--nodeport-addresses=0.0.0.0/0'] });
    expect(lines).not.toContain('set nodeport-ips {');
    expect(lines).toContain(NONE);
    expect(lines).toContain(SOME);
  });

  it('are what a family has in which the node has no address', () => {
    const lines = table({ services: [] }, 'nftables6.txt');
    expect(lines).not.toContain('set nodeport-ips {');
    expect(lines).toContain('ip6 daddr != ::1 meta l4proto . th dport vmap @no-endpoint-nodeports');
    expect(table({ services: [] })).toContain('elements = { 172.18.0.2 }');
  });
});

describe('networks that become one', () => {
  const cidrs = (...list: readonly string[]) => [{ metadata: { name: 'a' }, spec: { cidrs: list } }];

  it.each([
    [['10.96.0.0/12'], '10.96.0.0/12'],
    [['10.96.0.0/12', '10.96.4.0/24'], '{ 10.96.0.0/12 }'],
    [['10.96.0.0/12', '10.112.0.0/16'], '{ 10.96.0.0-10.112.255.255 }'],
  ])('%s: stay a set where several were given', (list, printed) => {
    const lines = table({ services: [], serviceCIDRs: cidrs(...list) });
    expect(lines).toContain(`ip daddr ${printed} drop comment "Drop traffic to unallocated ClusterIPs"`);
  });

  it('are written so that nft keeps the set: of one value it makes that value', () => {
    const ruleset = new Ruleset();
    ruleset.set(BASE, [chainObject('firewall-web', ['ip saddr != { 192.0.2.0/24 } drop'])]);
    const [section] = planNftables('ipv4', ruleset, new Map()).sections;
    expect(section?.text).toContain('ip saddr != { 192.0.2.0/24, 192.0.2.0/24 } drop');
  });

  it.each([
    [['192.0.2.0/24'], '192.0.2.0/24'],
    [['192.0.2.0/24', '192.0.2.0/24'], '{ 192.0.2.0/24 }'],
    [['172.18.0.0/16'], '{ 172.18.0.0/16 }'],
  ])('%s: so do source ranges, with the load balancer address in them', (ranges, printed) => {
    const spec = { type: 'LoadBalancer', loadBalancerSourceRanges: ranges };
    const services = [service('web', '10.96.0.1', { spec, ingress: ['172.18.255.1'] })];
    expect(table({ services })).toContain(`ip saddr != ${printed} drop`);
  });
});

it('comments are as long as nft takes them', () => {
  const name = 'l'.repeat(63);
  const services = [
    service(name, '10.96.0.1', { namespace: 'n'.repeat(63), spec: { ports: [{ name, port: 80 }] } }),
  ];
  const comment = `${'n'.repeat(63)}/${name}:`;
  expect(comment).toHaveLength(128);
  expect(table({ services })).toContain(
    `elements = { 10.96.0.1 . tcp . 80 comment "${comment}" : goto reject-chain }`,
  );
});

it('an external address that is the cluster IP as well is an external one', () => {
  const spec = { externalIPs: ['10.96.0.1'] };
  const lines = table({
    services: [service('web', '10.96.0.1', { spec })],
    slices: [slice('web', ['10.244.1.1'])],
  });
  expect(lines.find((line) => line.includes('10.96.0.1 . tcp . 80'))).toMatch(/: goto external-/);
});

it('the mark of the highest bit is printed as nft prints it, and read back as it was meant', () => {
  const lines = table({ services: [], config: 'nftables: { masqueradeBit: 31 }' });
  const rule = 'meta mark set meta mark ^ 0x80000000 masquerade fully-random';
  expect(lines).toContain(`meta mark != 0x00000000/1 ${rule}`);
  const chain = adoptTable(lines.join('\n')).get('chain masquerading');
  expect(chain?.split('\n')).toContain(`meta mark & 0x80000000 != 0x00000000 ${rule}`);
});
