import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FAMILIES } from '../../rules/model.ts';
import { tally } from './answers.ts';
import { FairleadProcess, labConfiguration } from './fairlead-process.ts';
import { Lab } from './lab.ts';
import { clusterIP, manifest, nodes, SERVICE_PORT, service } from './manifest.ts';
import { dumpRules, tool } from './rule-dump.ts';
import { BACKENDS, describeLab } from './suite.ts';
import { Toolbox } from './toolbox.ts';
import { ADDRESSES } from './topology.ts';
import { SERVICES, trafficCluster } from './traffic-services.ts';

await describeLab('iptables mode, restarts', () => {
  describe.each(BACKENDS)('%s backend', (backend) => {
    let lab: Lab;
    let toolbox: Toolbox;
    let flags: readonly string[];

    beforeAll(async () => {
      lab = await Lab.create();
      toolbox = lab.own(await Toolbox.create());
      const cluster = await lab.file('cluster.yaml', manifest(trafficCluster()));
      const config = await lab.file('config.yaml', labConfiguration());
      flags = ['--config', config, '--iptables-backend', backend, '--from', cluster];
    }, 60_000);

    afterAll(async () => {
      await lab?.[Symbol.asyncDispose]();
    });

    const start = (more: readonly string[] = flags) =>
      lab.own(new FairleadProcess(lab.node, more, { PATH: toolbox.path }));
    const dumps = () => Promise.all(FAMILIES.map((family) => dumpRules(lab.node, backend, family)));

    it('leaves all rules in place and ends with 0 when asked to end', async () => {
      const fairlead = start();
      await fairlead.synced();
      const before = await dumps();
      for (const dump of before) expect(dump).toContain('KUBE-SVC-');
      expect(await fairlead.stop()).toBe(0);
      expect(await dumps()).toEqual(before);
    });

    it('writes nothing at a second start on an unchanged cluster', async () => {
      const before = await dumps();
      await toolbox.forget();
      const fairlead = start();
      await fairlead.synced();
      await fairlead.stop();
      expect(await toolbox.writes()).toEqual([]);
      for (const family of FAMILIES) {
        expect(fairlead.syncs(family), 'what it says itself').toMatchObject([{ lines: 0 }]);
      }
      expect(await dumps()).toEqual(before);
    });

    it('keeps traffic going while it restarts', async () => {
      const first = start();
      await first.synced();
      const targets = FAMILIES.map((family) => ({
        protocol: 'tcp' as const,
        address: clusterIP(family, SERVICES.hostnames.n),
        port: SERVICE_PORT,
      }));
      const traffic = targets.map((target) =>
        lab.from(lab.outside).request(target, { count: 250, pauseMs: 5, timeoutMs: 10_000 }),
      );
      await first.stop();
      const second = start();
      await second.synced();
      for (const answers of await Promise.all(traffic)) {
        const { 'pod-a': a = 0, 'pod-b': b = 0, 'pod-c': c = 0 } = tally(answers);
        expect(a + b + c, JSON.stringify(tally(answers))).toBe(250);
      }
      await second.stop();
    });

    it('writes only the difference when the cluster has changed meanwhile, and leaves what is not its own', async () => {
      await Promise.all(
        FAMILIES.map(async (family) => {
          await lab.node.run([tool(backend, family), '-w', '-t', 'nat', '-N', 'OTHER-TOOL']);
          await lab.node.run([
            tool(backend, family),
            '-w',
            '-t',
            'nat',
            '-I',
            'PREROUTING',
            '-j',
            'OTHER-TOOL',
          ]);
        }),
      );
      const before = await dumps();
      await toolbox.forget();
      const added = service('added', { n: 99, endpoints: ['pod-a'] });
      const cluster = await lab.file('more.yaml', manifest([...trafficCluster(), ...added]));
      const fairlead = start([...flags.slice(0, -1), cluster]);
      await fairlead.synced();
      await fairlead.stop();
      const writes = await toolbox.writes();
      expect(writes.length).toBeGreaterThan(0);
      // For each family two chains with three rules between them, and the dispatch rule.
      expect(writes.length, writes.join('\n')).toBeLessThanOrEqual(2 * 8);

      const after = await dumps();
      for (const [i, dump] of after.entries()) {
        const lines = new Set(dump.split('\n'));
        const lost = (before[i] ?? '').split('\n').filter((line) => !lines.has(line));
        expect(lost).toEqual([]);
        expect(dump).toContain('-A PREROUTING -j OTHER-TOOL');
        expect(dump).toContain('default/added cluster IP');
      }
    });

    it('removes what the cluster no longer has', async () => {
      const cluster = await lab.file(
        'fewer.yaml',
        manifest([...nodes(), ...service('selfish', SERVICES.selfish)]),
      );
      const fairlead = start([...flags.slice(0, -1), cluster]);
      await fairlead.synced();
      await fairlead.stop();
      for (const [i, family] of FAMILIES.entries()) {
        const dump = (await dumps())[i] ?? '';
        expect(dump).toContain('default/selfish cluster IP');
        expect(dump).not.toContain('default/hostnames');
        expect(dump.match(/^:KUBE-(SVC|SEP|EXT|FW|SVL)-/gm), 'chains of Services').toHaveLength(2);
        expect(dump).toContain('-A PREROUTING -j OTHER-TOOL');
        const target = {
          protocol: 'tcp' as const,
          address: ADDRESSES[family].node,
          port: SERVICES.hostnames.nodePort,
        };
        expect(tally(await lab.from(lab.outside).request(target))).toEqual({ refused: 1 });
      }
    });
  });
});
