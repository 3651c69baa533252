import { describe, expect, it } from 'vitest';
import { printRuleset } from '../../rules/iptables/print.ts';
import type { NodeFacts, ProxySettings, ServicePortKey } from '../../rules/model.ts';
import { iptablesCompiler } from '../../src/dataplane/compilers.ts';
import { DesiredState } from '../../src/desired-state.ts';
import { Tracker } from '../../src/tracker/tracker.ts';
import { endpointAt, service, slice } from '../model/objects.ts';
import { nodeFacts, proxySettings } from './rules/model-parts.ts';

/** What one node should have, told by objects. */
class Cluster {
  readonly tracker = new Tracker({ nodeName: 'node-a', report: () => {} });
  readonly compiled: [ServicePortKey, number | undefined][] = [];
  readonly desired = new DesiredState('ipv4', this.tracker, iptablesCompiler, (key, servicePort) =>
    this.compiled.push([key, servicePort?.endpoints.length]),
  );

  serve(name: string, endpoints: number, given: Readonly<Record<string, unknown>> = {}): void {
    this.tracker.upsert('Service', service(name, '10.96.0.1', { created: name.length }));
    const addresses = Array.from(
      { length: endpoints },
      (_, i) => `10.${244 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`,
    );
    this.tracker.upsert(
      'EndpointSlice',
      slice(
        name,
        addresses.map((address) => endpointAt(address, given)),
      ),
    );
  }

  update(given: { node?: Partial<NodeFacts>; settings?: Partial<ProxySettings> } = {}) {
    return this.desired.update(
      nodeFacts(given.node),
      proxySettings({ localDetector: { kind: 'bridge', interface: 'cni0' }, ...given.settings }),
    );
  }

  /** Rules that name a ServicePort in their comment, by chain prefix. */
  get commented(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const line of printRuleset(this.desired.ruleset).split('\n')) {
      const [, prefix] = /^-A (KUBE-[A-Z]{3})-\S{16} .*--comment "default\//.exec(line) ?? [];
      if (prefix !== undefined) counts[prefix] = (counts[prefix] ?? 0) + 1;
    }
    return counts;
  }
}

describe('comments of endpoint rules', () => {
  it('are there with 1,000 endpoints', () => {
    const cluster = new Cluster();
    cluster.serve('web', 1000);
    cluster.update();
    // The masquerade rule and one for each endpoint; two for each.
    expect(cluster.commented).toEqual({ 'KUBE-SVC': 1001, 'KUBE-SEP': 2000 });
  });

  it('are not with 1,001, but those about the Service itself are', () => {
    const cluster = new Cluster();
    cluster.serve('web', 1001);
    cluster.update();
    expect(cluster.commented).toEqual({ 'KUBE-SVC': 1 });
    expect(printRuleset(cluster.desired.ruleset)).toContain('--comment "default/web cluster IP"');
  });

  it('endpoints are summed over all ServicePorts, ready or not, and only of the family', () => {
    const cluster = new Cluster();
    cluster.serve('web', 500);
    cluster.serve('other', 500, { conditions: { ready: false } });
    cluster.tracker.upsert(
      'EndpointSlice',
      slice('web', ['fd00::1', 'fd00::2'], { name: 'web-6', addressType: 'IPv6' }),
    );
    cluster.update();
    expect(cluster.commented['KUBE-SEP']).toBe(1000);

    const larger = new Cluster();
    larger.serve('web', 500);
    larger.serve('other', 501, { conditions: { ready: false } });
    larger.update();
    expect(larger.commented['KUBE-SEP']).toBeUndefined();
  });

  it('one endpoint in several slices counts once', () => {
    const cluster = new Cluster();
    cluster.serve('web', 1000);
    cluster.tracker.upsert('EndpointSlice', slice('web', ['10.244.0.1'], { name: 'web-again' }));
    cluster.update();
    expect(cluster.commented['KUBE-SEP']).toBe(2000);
  });

  it('go only from what is compiled anew, and come back only below 900', () => {
    const cluster = new Cluster();
    cluster.serve('a', 400);
    cluster.serve('bb', 600);
    cluster.update();
    expect(cluster.commented['KUBE-SEP']).toBe(2000);

    const steps: readonly [endpoints: number, commented: number][] = [
      [601, 800], // 1,001: the other Service keeps its comments
      [600, 800], // 1,000
      [500, 800], // 900
      [499, 1798], // 899
      [601, 800], // 1,001 again
    ];
    for (const [endpoints, commented] of steps) {
      cluster.serve('bb', endpoints);
      expect(cluster.update().servicePorts).toEqual(['default/bb/tcp']);
      expect(cluster.commented['KUBE-SEP'], `${endpoints + 400} endpoints`).toBe(commented);
    }
  });
});

describe('an update', () => {
  it('compiles everything at first, then only what has changed', () => {
    const cluster = new Cluster();
    cluster.serve('web', 1);
    cluster.serve('other', 2);
    expect([...cluster.update().servicePorts].sort()).toEqual(['default/other/tcp', 'default/web/tcp']);
    expect(cluster.update()).toEqual({ keys: new Set(), servicePorts: [] });
    cluster.compiled.length = 0;
    cluster.serve('web', 2);
    const { keys, servicePorts } = cluster.update();
    expect(servicePorts).toEqual(['default/web/tcp']);
    expect([...keys].every((key) => /^nat:KUBE-(SVC|SEP)-/.test(key))).toBe(true);
    expect(cluster.compiled).toEqual([['default/web/tcp', 2]]);
  });

  it('compiles everything when the node or the settings are others, and tells only what differs', () => {
    const cluster = new Cluster();
    cluster.serve('web', 1);
    cluster.serve('other', 2);
    cluster.update();
    expect(cluster.update({ node: { zone: 'zone-b' } })).toEqual({
      keys: new Set(),
      servicePorts: ['default/other/tcp', 'default/web/tcp'],
    });
    const { keys } = cluster.update({ node: { zone: 'zone-b' }, settings: { masqueradeMark: 0x80 } });
    expect([...keys].sort()).toEqual(['filter:KUBE-FORWARD', 'nat:KUBE-MARK-MASQ', 'nat:KUBE-POSTROUTING']);
  });

  it('takes away what is gone', () => {
    const cluster = new Cluster();
    const empty = new Cluster();
    empty.update();
    cluster.serve('web', 3);
    cluster.update();
    cluster.tracker.delete('Service', 'default/web');
    const { keys, servicePorts } = cluster.update();
    expect(servicePorts).toEqual(['default/web/tcp']);
    expect(keys.size).toBe(5);
    expect(printRuleset(cluster.desired.ruleset)).toBe(printRuleset(empty.desired.ruleset));
    expect(cluster.compiled.at(-1)).toEqual(['default/web/tcp', undefined]);
  });
});

describe('going back to the last good rules', () => {
  const web = 'default/web/tcp' as ServicePortKey;

  it('is to those of the last commit, however often they have changed since', () => {
    const cluster = new Cluster();
    cluster.serve('web', 1);
    cluster.update();
    cluster.desired.commit();
    const good = printRuleset(cluster.desired.ruleset);
    cluster.serve('web', 2);
    cluster.update();
    cluster.serve('web', 3);
    cluster.update();
    cluster.desired.revert(web, () => expect.fail('there were good ones'));
    expect(printRuleset(cluster.desired.ruleset)).toBe(good);
    // And forward again.
    expect(cluster.desired.recompile(web)).not.toEqual([]);
    expect(printRuleset(cluster.desired.ruleset)).not.toBe(good);
  });

  it('is to what the kernel has, where there were none', () => {
    const cluster = new Cluster();
    cluster.serve('web', 1);
    cluster.update();
    const kernel = [{ key: 'nat:KUBE-SVC-AAAAAAAAAAAAAAAA', text: '-j RETURN' }];
    cluster.desired.revert(web, (refused) => {
      expect(refused).toHaveLength(3);
      return kernel;
    });
    expect(cluster.desired.ruleset.fragment(web)).toMatchObject(kernel);
  });
});

describe('a Service with hundreds of endpoints', () => {
  it('is compiled as if it were new, whatever stood in for it meanwhile', () => {
    const cluster = new Cluster();
    cluster.serve('web', 300);
    cluster.update();
    // The kernel's texts: some of them are of a time without comments.
    const spelled = (text: string, i: number) =>
      i % 2 === 0 ? text : text.replaceAll(/-m comment --comment "[^"]*" /g, '');
    cluster.desired.revert('default/web/tcp' as ServicePortKey, (refused) =>
      refused.map(({ key, text }, i) => ({ key, text: spelled(text, i) })),
    );
    cluster.serve('web', 299);
    cluster.update();
    const fresh = new Cluster();
    fresh.serve('web', 299);
    fresh.update();
    expect(printRuleset(cluster.desired.ruleset)).toBe(printRuleset(fresh.desired.ruleset));
  });
});

it('tells which destinations go to an older Service', () => {
  const cluster = new Cluster();
  cluster.serve('older', 1);
  cluster.serve('y', 1);
  // Both have the cluster IP 10.96.0.1; the shorter name was created earlier.
  cluster.update();
  expect(cluster.desired.lostClaims).toEqual([
    { loser: 'default/older/tcp', winner: 'default/y/tcp', what: '10.96.0.1:80/tcp' },
  ]);
  cluster.tracker.delete('Service', 'default/y');
  cluster.update();
  expect(cluster.desired.lostClaims).toEqual([]);
});
