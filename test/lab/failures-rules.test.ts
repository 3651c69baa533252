import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { servicePortChains } from '../../rules/names.ts';
import { asObject } from '../apiserver/json.ts';
import { eventually } from './deadline.ts';
import type { FairleadProcess } from './fairlead-process.ts';
import { FaultyTools } from './faulty-tools.ts';
import { LiveNode, type LiveNodeOptions } from './live-node.ts';
import { service, slices } from './manifest.ts';
import { BACKENDS, describeLab } from './suite.ts';
import { ADDRESSES } from './topology.ts';

const GOOD = service('good', { n: 10, endpoints: ['pod-a'] });
const BAD = service('bad', { n: 11, endpoints: ['pod-b'] });
const LATER = service('later', { n: 12, endpoints: ['pod-a'] });
const IPV4 = { ip_family: 'IPv4' };

/** What the kernel's refusals look like: see iptables/xshared.c and nft.c. The legacy tool names the COMMIT. */
const REFUSALS = {
  nft: {
    stderr:
      'iptables-nft-restore v1.8.9 (nf_tables): \nline %d: RULE_APPEND failed (Invalid argument): rule in chain X',
    exitCode: 4,
  },
  legacy: { stderr: 'iptables-legacy-restore: line %c failed', exitCode: 1 },
};

/** They run side by side, on two cores. */
const PATIENT = { timeout: 180_000 };

await describeLab('trouble with the rules', () => {
  it.concurrent.each(BACKENDS)(
    'a ServicePort that the %s kernel refuses holds up no other',
    PATIENT,
    async (backend) => {
      await using node = await liveNode({ backend, objects: [...GOOD, ...BAD] });
      await using tools = await FaultyTools.create();
      const fairlead = await node.start({ env: { PATH: tools.path } });
      await fairlead.synced();
      await node.rulesWith('ipv4', to('pod-b'));

      await tools.give({
        program: `iptables-${backend}-restore`,
        payload: `--to-destination ${ADDRESSES.ipv4.pods['pod-c']}:8080`,
        ...REFUSALS[backend],
      });
      node.put([...slices('bad', ['pod-c']), ...LATER]);
      const rules = await node.rulesWith('ipv4', 'default/later cluster IP');
      expect(rules, 'the last good endpoint stays').toContain(to('pod-b'));
      expect(rules).not.toContain(to('pod-c'));
      await node.rulesWith('ipv6', `[${ADDRESSES.ipv6.pods['pod-c']}]:8080`);
      expect(await node.event('RuleRefused', 'Service bad')).toMatch(
        /^the kernel of node node-1 refuses the rules of default\/bad.*; the last good ones stay: /,
      );
      const uid = asObject(node.api.get('Service', 'default', 'bad')?.['metadata'])?.['uid'];
      expect(node.events('RuleRefused'), 'nobody else is blamed').toEqual([expect.objectContaining({ uid })]);
      await metricIs(node, 'fairlead_quarantined_service_ports', 1);
      expect(fairlead.log.filter(({ msg }) => msg.includes('is quarantined'))).toHaveLength(1);

      const failures = await tools.count(`iptables-${backend}-restore`);
      node.put(slices('good', ['pod-d']));
      await node.rulesWith('ipv4', to('pod-d'));
      expect(await tools.count(`iptables-${backend}-restore`), 'not tried with every sync').toBe(failures);

      await tools.take(`iptables-${backend}-restore`);
      node.put(slices('bad', ['pod-c', 'pod-a']));
      await node.rulesWith('ipv4', to('pod-c'));
      await metricIs(node, 'fairlead_quarantined_service_ports', 0);
      await node.inStep();
    },
  );

  it.concurrent('a real refusal by the kernel stays with its ServicePort', PATIENT, async () => {
    await using node = await liveNode({ objects: GOOD });
    const { cluster: chain } = servicePortChains({ name: 'default/bad', protocol: 'tcp' });
    // Chains of nftables may be no deeper than 16: the Service's jumps are too many behind these.
    const deep = Array.from({ length: 14 }, (_, i) => `DEEP-${i}`);
    const chains = [...deep, chain];
    await node.restore(
      'ipv4',
      [
        '*nat',
        ...chains.map((name) => `:${name} - [0:0]`),
        '-A PREROUTING -j DEEP-0',
        ...deep.map((name, i) => `-A ${name} -j ${chains[i + 1]}`),
        'COMMIT\n',
      ].join('\n'),
    );
    const fairlead = await node.start();
    await fairlead.synced();
    node.put([...BAD, ...LATER]);
    await node.rulesWith('ipv4', 'default/later cluster IP');
    expect(await node.event('RuleRefused', 'Service bad')).toContain('Too many links');
    expect(await node.rules('ipv4'), 'what is not ours stays').toContain(`-A DEEP-13 -j ${chain}`);

    await node.iptables('ipv4', '-t', 'nat', '-D', 'PREROUTING', '-j', 'DEEP-0');
    await node.iptables('ipv4', '-t', 'nat', '-F', 'DEEP-13');
    node.put(slices('bad', ['pod-b', 'pod-c']));
    await node.rulesWith('ipv4', to('pod-c'));
    await node.inStep();
  });

  it.concurrent(
    'a chain that cannot go, as somebody else jumps to it, keeps nobody from coming',
    PATIENT,
    async () => {
      await using node = await liveNode({ objects: [...GOOD, ...BAD] });
      const fairlead = await node.start();
      await fairlead.synced();
      const { cluster: chain } = servicePortChains({ name: 'default/bad', protocol: 'tcp' });
      await node.restore('ipv4', `*nat\n:OTHER - [0:0]\n-A OTHER -j ${chain}\nCOMMIT\n`);
      node.api.delete('Service', 'default', 'bad');
      node.put(LATER);
      await node.rulesWith('ipv4', 'default/later cluster IP');
      await node.rulesWithout('ipv4', '-A KUBE-SERVICES -d 10.96.0.11/32');
      const isStuck = () => fairlead.log.some(({ msg }) => msg.includes('cannot be removed'));
      await fairlead.until('a word about it', isStuck);
      node.put(slices('later', ['pod-d']));
      await node.rulesWith('ipv4', to('pod-d'));
      expect(fairlead.log.filter(isFailedSync)).toEqual([]);

      await node.iptables('ipv4', '-t', 'nat', '-F', 'OTHER');
      await fairlead.stop();
      await (await node.start()).synced();
      expect(await node.rules('ipv4')).not.toContain(chain);
      await node.inStep();
    },
  );

  it.concurrent('a restore that fails for the moment is tried again', PATIENT, async () => {
    await using node = await liveNode({ objects: GOOD });
    await using tools = await FaultyTools.create();
    const fairlead = await node.start({ env: { PATH: tools.path } });
    await fairlead.synced();
    await tools.give({
      program: 'iptables-nft-restore',
      stderr:
        'iptables-nft-restore v1.8.9 (nf_tables): Could not fetch rule set generation id: No buffer space available',
      exitCode: 4,
      times: 2,
    });
    node.put(LATER);
    await node.rulesWith('ipv4', 'default/later cluster IP');
    expect(fairlead.log.filter(isFailedSync)).toMatchObject([{ code: 'transient' }, { code: 'transient' }]);
    expect(await tools.left('iptables-nft-restore')).toBe(0);
    expect(await node.door.metric('fairlead_sync_failures_total', { ...IPV4, code: 'transient' })).toBe(2);
    expect(await node.door.metric('fairlead_quarantined_service_ports', IPV4)).toBe(0);
  });

  it.concurrent(
    'while another process holds the xtables lock it waits, and then programs',
    PATIENT,
    async () => {
      await using node = await liveNode({ backend: 'legacy', objects: GOOD });
      const lock = await node.file('xtables.lock', '');
      const fairlead = await node.start({ env: { XTABLES_LOCKFILE: lock } });
      await fairlead.synced();
      const holder = node.namespace.start(['flock', lock, 'sh', '-c', 'echo held; exec cat']);
      await new Promise((resolve) => holder.stdout.once('data', resolve));
      node.put(LATER);
      await fairlead.until('a sync that gave up waiting', () => fairlead.log.some(isFailedSync));
      const failed = fairlead.log.filter(isFailedSync);
      for (const record of failed) expect(record['code']).toBe('transient');
      expect(await node.rules('ipv4'), 'nothing is written without the lock').not.toContain('default/later');
      holder.stdin.end();
      await holder;
      await node.rulesWith('ipv4', 'default/later cluster IP', 20_000);
      await node.rulesWith('ipv6', 'default/later cluster IP', 20_000);
    },
  );

  it.concurrent.each(BACKENDS)(
    'a change in nothing but the dispatch chain is noticed (%s)',
    PATIENT,
    async (backend) => {
      await using node = await liveNode({ backend, objects: [...GOOD, ...BAD] });
      const fairlead = await node.start({ config: 'iptables:\n  syncPeriod: 1s\n' });
      await fairlead.synced();
      await node.iptables('ipv4', '-t', 'nat', '-F', 'KUBE-SERVICES');
      await node.inStep();
    },
  );

  it.concurrent.each(BACKENDS)(
    'flushed tables are noticed and filled again (%s)',
    PATIENT,
    async (backend) => {
      await using node = await liveNode({ backend, objects: [...GOOD, ...BAD] });
      const fairlead = await node.start({ config: 'iptables:\n  syncPeriod: 1s\n' });
      await fairlead.synced();
      await node.iptables('ipv6', '-t', 'nat', '-N', 'OTHER');
      await node.iptables('ipv6', '-t', 'nat', '-A', 'PREROUTING', '-j', 'OTHER');
      await node.iptables('ipv6', '-A', 'INPUT', '-p', 'tcp', '--dport', '2222', '-j', 'ACCEPT');

      await Promise.all([
        (async () => {
          await node.iptables('ipv4', '-t', 'nat', '-F');
          await node.rulesWith('ipv4', 'default/good cluster IP');
          await node.iptables('ipv4', '-t', 'filter', '-F');
          await node.rulesWith('ipv4', '-A INPUT -m conntrack');
        })(),
        (async () => {
          await node.iptables('ipv6', '-t', 'mangle', '-X', 'KUBE-PROXY-CANARY');
          await eventually('the canary', async () => (await canaries(node)) === 3 || undefined);
          for (const [table, chain] of [
            ['filter', 'KUBE-FORWARD'],
            ['nat', 'KUBE-SERVICES'],
            ['nat', servicePortChains({ name: 'default/bad', protocol: 'tcp' }).cluster],
          ] as const) {
            await node.iptables(
              'ipv6',
              '-t',
              table,
              '-A',
              chain,
              '-m',
              'comment',
              '--comment',
              'foreign',
              '-j',
              'RETURN',
            );
          }
          await node.rulesWithout('ipv6', 'foreign');
        })(),
      ]);
      await node.inStep();
      const rules = await node.rules('ipv6');
      expect(rules, "other people's rules stay").toContain('-A PREROUTING -j OTHER');
      expect(rules).toContain('--dport 2222 -j ACCEPT');
      expect(await node.door.metric('fairlead_drift_repairs_total', IPV4)).toBeGreaterThan(0);
      expect(
        fairlead.log.filter(({ msg }) => msg.includes('another proxy')),
        'twice is no rival',
      ).toEqual([]);
    },
  );

  it.concurrent('another proxy that keeps writing our chains is recognised and named', PATIENT, async () => {
    await using node = await liveNode({ objects: [...GOOD, ...BAD] });
    const fairlead = await node.start({ config: 'iptables:\n  syncPeriod: 1s\n' });
    await fairlead.synced();
    const isNamed = () => fairlead.log.some(({ msg }) => msg.startsWith('another proxy is writing'));
    /** A kube-proxy of another configuration, which knows only one of the Services. */
    const rival = [
      '*nat',
      ':KUBE-SERVICES - [0:0]',
      ':KUBE-POSTROUTING - [0:0]',
      '-A KUBE-SERVICES -d 10.96.0.10/32 -p tcp -m comment --comment "default/good cluster IP" -m tcp --dport 80 -j RETURN',
      '-A KUBE-POSTROUTING -m mark ! --mark 0x8000/0x8000 -j RETURN',
      '-A KUBE-POSTROUTING -j MASQUERADE',
      'COMMIT\n',
    ].join('\n');
    for (let repairs = 1; repairs <= 3; repairs++) {
      await node.restore('ipv4', rival);
      await fairlead.until(`repair ${repairs}`, () => repairsOf(fairlead) >= repairs);
    }
    await fairlead.until('the name of the trouble', isNamed);
    expect(await node.event('AnotherProxyWriting', 'Node node-1')).toContain('kube-proxy');
    expect(await node.door.metric('fairlead_another_proxy_writing', IPV4)).toBe(1);

    await node.restore('ipv4', rival);
    // More than two sync periods.
    await pause(2_500);
    expect(repairsOf(fairlead), 'repairs back off').toBe(3);
    node.put(slices('bad', ['pod-c']));
    await node.rulesWith('ipv6', `[${ADDRESSES.ipv6.pods['pod-c']}]:8080`);
  });
});

function liveNode(options: LiveNodeOptions): Promise<LiveNode> {
  return LiveNode.create(options);
}

function to(pod: 'pod-a' | 'pod-b' | 'pod-c' | 'pod-d'): string {
  return `--to-destination ${ADDRESSES.ipv4.pods[pod]}:8080`;
}

/** One in each table. */
async function canaries(node: LiveNode): Promise<number> {
  return (await node.rules('ipv6')).match(/^:KUBE-PROXY-CANARY/gm)?.length ?? 0;
}

function isFailedSync({ msg }: { msg: string }): boolean {
  return msg.startsWith('sync failed');
}

function repairsOf(fairlead: FairleadProcess): number {
  return fairlead.syncs('ipv4').filter((record) => Number(record['repaired']) > 0).length;
}

async function metricIs(node: LiveNode, name: string, value: number): Promise<void> {
  await eventually(
    `${name} ${value}`,
    async () => (await node.door.metric(name, IPV4)) === value || undefined,
  );
}
