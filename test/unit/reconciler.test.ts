import { afterEach, describe, expect, it } from 'vitest';
import { adopt } from '../../rules/iptables/adopt.ts';
import { parseSave } from '../../rules/iptables/save.ts';
import { IptablesModel } from '../model/iptables.ts';
import { service, slice } from '../model/objects.ts';
import { ProgrammedNode } from './programmed-node.ts';

const nodes: ProgrammedNode[] = [];
afterEach(() => Promise.all(nodes.splice(0).map((node) => node.stop())));

function start(given?: ConstructorParameters<typeof ProgrammedNode>[0]): ProgrammedNode {
  const node = new ProgrammedNode(given);
  nodes.push(node);
  return node;
}

/** A node that serves `web` at 10.96.0.1 and `other` at 10.96.0.2, and has settled. */
async function settled(): Promise<ProgrammedNode> {
  const node = start();
  node.serve('web', '10.96.0.1', ['10.244.1.1']);
  node.serve('other', '10.96.0.2', ['10.244.1.2']);
  await node.sync();
  node.programs.payloads.length = 0;
  return node;
}

/** Somebody else's hand. */
function meddle(node: ProgrammedNode, ...lines: readonly string[]): void {
  node.model.restore(['*nat', ...lines, 'COMMIT', ''].join('\n'));
}

/** The rule that leads to a Service, as it stands in KUBE-SERVICES. */
function dispatchRule(node: ProgrammedNode, name: string): string {
  const rules = node.model.tables.get('nat')?.get('KUBE-SERVICES')?.rules ?? [];
  return (
    rules.find((rule) => rule.includes(`default/${name} cluster IP`)) ?? expect.fail(`${name} is not served`)
  );
}

describe('a sync costs what changed', () => {
  it('nothing changed: nothing is read and nothing is written', async () => {
    const node = await settled();
    const { saves } = node.programs;
    await node.sync();
    expect([node.programs.payloads, node.programs.saves]).toEqual([[], saves]);
    expect(node.reports.at(-1)).toMatchObject({ lines: 0, servicePorts: [], full: false });
  });

  it('one endpoint changed: one call, one COMMIT, and only the chains of its Service', async () => {
    const node = await settled();
    node.serve('web', '10.96.0.1', ['10.244.1.1', '10.244.1.9']);
    await node.sync();
    const [payload = '', ...more] = node.programs.payloads;
    expect(more).toEqual([]);
    expect(payload.match(/^COMMIT$/gm)).toHaveLength(1);
    expect(payload).not.toContain('KUBE-SERVICES');
    expect(payload).not.toContain('default/other');
    expect(node.outcomes('10.96.0.1')).toEqual(['10.244.1.1:8080', '10.244.1.9:8080']);
  });

  it('changes that arrive together are applied together', async () => {
    const node = await settled();
    node.serve('web', '10.96.0.1', ['10.244.1.3']);
    node.serve('new', '10.96.0.3', ['10.244.1.4']);
    node.remove('other');
    await node.sync();
    expect(node.programs.payloads).toHaveLength(1);
    expect(['10.96.0.1', '10.96.0.2', '10.96.0.3'].map((address) => node.outcomes(address))).toEqual([
      ['10.244.1.3:8080'],
      ['pass'],
      ['10.244.1.4:8080'],
    ]);
  });

  it('a restart on an unchanged cluster writes nothing', async () => {
    const before = await settled();
    const node = start({ model: new IptablesModel(before.model.save()) });
    node.serve('other', '10.96.0.2', ['10.244.1.2']);
    node.serve('web', '10.96.0.1', ['10.244.1.1']);
    await node.sync();
    expect(node.programs.payloads).toEqual([]);
    expect(node.reports[0]).toMatchObject({ lines: 0, full: true });
    expect(node.reports[0]?.adopted).toBe(adopt(parseSave(before.model.save())).size);
  });

  it('a restart removes what the cluster no longer has', async () => {
    const before = await settled();
    const node = start({ model: new IptablesModel(before.model.save()) });
    node.serve('web', '10.96.0.1', ['10.244.1.1']);
    await node.sync();
    expect(node.model.save()).not.toContain('default/other');
    expect(node.programs.payloads.join('')).not.toContain('default/web');
  });
});

describe('when the kernel is not as expected', () => {
  it('a rule that should go is gone already: the kernel is read once, and nobody is bothered', async () => {
    const node = await settled();
    meddle(node, `-D KUBE-SERVICES ${dispatchRule(node, 'web')}`);
    const { saves } = node.programs;
    node.remove('web');
    await node.sync();
    expect(node.programs.saves).toBe(saves + 1);
    expect([node.failures, node.quarantined]).toEqual([[], []]);
    expect(node.model.save()).not.toContain('default/web');
  });

  it('the whole table was flushed: the next change brings all of it back', async () => {
    const node = await settled();
    node.model.restore(
      `*nat\n${[...(node.model.tables.get('nat')?.keys() ?? [])]
        .filter((chain) => chain.startsWith('KUBE-'))
        .map((chain) => `:${chain} - [0:0]`)
        .join('\n')}\nCOMMIT\n`,
    );
    expect(node.outcomes('10.96.0.2')).toEqual(['pass']);
    node.remove('web');
    await node.sync();
    expect(node.outcomes('10.96.0.2')).toEqual(['10.244.1.2:8080']);
    expect(node.failures).toEqual([]);
  });

  it('a flush is noticed within one sync period, and repaired', async () => {
    const node = await settled();
    meddle(node, ':KUBE-POSTROUTING - [0:0]', ':KUBE-SERVICES - [0:0]');
    expect(node.outcomes('10.96.0.1')).toEqual(['pass']);
    await node.pass(30_000);
    expect(node.outcomes('10.96.0.1')).toEqual(['10.244.1.1:8080']);
    expect(node.reports.at(-1)?.repaired).toBeGreaterThan(0);
  });

  it('an edit is found by verification, which writes only what differs', async () => {
    const node = await settled();
    meddle(node, `-D KUBE-SERVICES ${dispatchRule(node, 'web')}`);
    node.reconciler.reread();
    await node.sync();
    expect(node.outcomes('10.96.0.1')).toEqual(['10.244.1.1:8080']);
    expect(node.reports.at(-1)).toMatchObject({ full: true, lines: 1, repaired: 1 });
  });

  it('an edit of the chain that leads to all Services is noticed within one sync period', async () => {
    const node = await settled();
    meddle(node, `-D KUBE-SERVICES ${dispatchRule(node, 'web')}`);
    expect(node.outcomes('10.96.0.1')).toEqual(['pass']);
    await node.pass(30_000);
    expect(node.outcomes('10.96.0.1')).toEqual(['10.244.1.1:8080']);
  });

  it('an edit that brings back the chain of the look before is noticed as well', async () => {
    const node = await settled();
    await node.pass(30_000);
    node.serve('more', '10.96.0.9', ['10.244.1.9']);
    await node.sync();
    meddle(node, `-D KUBE-SERVICES ${dispatchRule(node, 'more')}`);
    expect(node.outcomes('10.96.0.9')).toEqual(['pass']);
    await node.pass(30_000);
    expect(node.outcomes('10.96.0.9')).toEqual(['10.244.1.9:8080']);
  });

  it('verification happens by itself once an hour', async () => {
    const node = await settled();
    // A Service's own chain: the look at each sync period does not go into these.
    const chain = dispatchRule(node, 'web').split(' -j ')[1];
    meddle(node, `:${chain} - [0:0]`);
    for (let i = 0; i < 119; i++) await node.pass(30_000);
    expect(node.outcomes('10.96.0.1')).toEqual(['pass']);
    await node.pass(30_000);
    expect(node.outcomes('10.96.0.1')).toEqual(['10.244.1.1:8080']);
  });
});

describe('when the tool fails', () => {
  const LOCKED = {
    exitCode: 4,
    stderr: 'Another app is currently holding the xtables lock; still 4s left\n',
  };

  it('for a passing reason, the same is tried again soon', async () => {
    const node = await settled();
    node.serve('web', '10.96.0.1', ['10.244.1.8']);
    node.programs.failNext(LOCKED);
    await node.sync();
    expect(node.failures.map(({ code }) => code)).toEqual(['transient']);
    expect(node.outcomes('10.96.0.1')).toEqual(['10.244.1.1:8080']);
    await node.pass(250);
    expect(node.outcomes('10.96.0.1')).toEqual(['10.244.1.8:8080']);
    expect(node.failures).toHaveLength(1);
  });

  it('again and again, it is tried more and more rarely, and at once when it has worked', async () => {
    const node = await settled();
    node.serve('web', '10.96.0.1', ['10.244.1.8']);
    for (let i = 0; i < 4; i++) node.programs.failNext(LOCKED);
    await node.sync();
    const waits: number[] = [];
    while (node.outcomes('10.96.0.1').includes('10.244.1.1:8080')) {
      const [wait = 0] = node.clock.waits;
      waits.push(wait);
      await node.pass(wait);
    }
    expect(waits).toHaveLength(4);
    expect(waits.every((wait, i) => i === 0 || wait === (waits[i - 1] ?? 0) * 2)).toBe(true);
  });

  it('in the middle of a plan, what was applied is not applied twice', async () => {
    const node = await settled();
    // No endpoints: the filter's COMMIT comes first, and is the one that gets through.
    node.serve('web', '10.96.0.1', []);
    node.programs.failNext(LOCKED);
    await node.sync();
    await node.pass(250);
    expect(node.outcomes('10.96.0.1')).toEqual(['REJECT']);
    const rejects = () => node.model.save().match(/default\/web has no endpoints/g)?.length ?? 0;
    expect(rejects()).toBe(1);
    node.serve('web', '10.96.0.1', ['10.244.1.1']);
    await node.sync();
    expect(rejects()).toBe(0);
  });

  it('because this kernel lacks a match, the family fails, and says so once for each try', async () => {
    const node = await settled();
    const missing = { exitCode: 2, stderr: "Couldn't load match `statistic':No such file or directory\n" };
    node.serve('web', '10.96.0.1', ['10.244.1.1', '10.244.1.2']);
    node.programs.failNext(missing);
    node.programs.failNext(missing);
    await node.sync();
    expect(node.failures.map(({ code }) => code)).toEqual(['environment']);
    expect(node.warnings).toEqual([expect.stringContaining("Couldn't load match `statistic'")]);
    expect(node.quarantined).toEqual([]);
    // What was programmed stays, and the next try works.
    expect(node.outcomes('10.96.0.1')).toEqual(['10.244.1.1:8080']);
    await node.pass(250);
    expect(node.outcomes('10.96.0.1')).toEqual(['10.244.1.1:8080', '10.244.1.2:8080']);
  });
});

describe('what two Services share stays whole when one of them goes', () => {
  it('a Pod', async () => {
    const node = await settled();
    node.serve('other', '10.96.0.2', ['10.244.1.1']);
    await node.sync();
    node.remove('web');
    await node.sync();
    expect(node.outcomes('10.96.0.1')).toEqual(['pass']);
    expect(node.outcomes('10.96.0.2')).toEqual(['10.244.1.1:8080']);
  });

  /** Both claim one address and port; `first` is the older one. */
  async function contested(spec: (name: string) => object): Promise<ProgrammedNode> {
    const node = start();
    for (const [created, name] of ['first', 'second'].entries()) {
      const clusterIP = `10.96.0.${created + 1}`;
      const own = { type: 'LoadBalancer', ...spec(name) };
      node.tracker.upsert(
        'Service',
        service(name, clusterIP, { created, spec: own, ingress: ['203.0.113.1'] }),
      );
      node.tracker.upsert('EndpointSlice', slice(name, [`10.244.1.${created + 1}`]));
    }
    await node.sync();
    return node;
  }

  const shared: readonly (readonly [what: string, spec: object, address: string, port: number])[] = [
    ['an external address', { externalIPs: ['198.51.100.1'] }, '198.51.100.1', 80],
    ['a load balancer address', {}, '203.0.113.1', 80],
    ['a node port', { ports: [{ protocol: 'TCP', port: 80, nodePort: 30080 }] }, '172.18.0.2', 30080],
    ['a cluster IP', { clusterIP: '10.96.0.9', clusterIPs: ['10.96.0.9'] }, '10.96.0.9', 80],
  ];

  it.each(shared)(
    '%s: the older has it, and the other gets it when the older goes',
    async (_, spec, address, port) => {
      const node = await contested(() => spec);
      expect(node.outcomes(address, port).join()).toMatch(/^10\.244\.1\.1:8080/);
      node.remove('first');
      await node.sync();
      expect(node.outcomes(address, port).join()).toMatch(/^10\.244\.1\.2:8080/);
      expect(node.model.save()).not.toContain('default/first');
    },
  );

  it.each(shared)(
    '%s: when the younger goes nothing happens to the older',
    async (_, spec, address, port) => {
      const node = await contested(() => spec);
      node.remove('second');
      await node.sync();
      expect(node.outcomes(address, port).join()).toMatch(/^10\.244\.1\.1:8080/);
      expect(node.model.save()).not.toContain('default/second');
    },
  );

  it('one external address on two ports', async () => {
    const ports = (name: string) => [{ protocol: 'TCP', port: name === 'first' ? 80 : 81 }];
    const node = await contested((name) => ({ externalIPs: ['198.51.100.1'], ports: ports(name) }));
    expect(node.outcomes('198.51.100.1', 80).join()).toMatch(/^10\.244\.1\.1:8080/);
    node.remove('first');
    await node.sync();
    expect(node.outcomes('198.51.100.1', 80)).toEqual(['pass']);
    expect(node.outcomes('198.51.100.1', 81).join()).toMatch(/^10\.244\.1\.2:8080/);
  });
});

describe('the end', () => {
  it('comes when it is told to, leaves all rules in place, and no timer', async () => {
    const node = await settled();
    const rules = node.model.save();
    await node.stop();
    expect(node.model.save()).toBe(rules);
    expect(node.clock.waits).toEqual([]);
  });

  it('comes also while a failed sync waits to be tried again', async () => {
    const node = await settled();
    node.serve('web', '10.96.0.1', []);
    node.programs.failNext({ exitCode: 4, stderr: 'Resource temporarily unavailable' });
    await node.sync();
    await node.stop();
    expect(node.clock.waits).toEqual([]);
  });
});
