import { afterEach, describe, expect, it } from 'vitest';
import { IptablesModel } from '../model/iptables.ts';
import { service, slice } from '../model/objects.ts';
import { type NodeGiven, ProgrammedNode } from './programmed-node.ts';

/** An endpoint that the kernel of these tests does not take. */
const REFUSED = '10.244.6.66';

const nodes: ProgrammedNode[] = [];
afterEach(() => Promise.all(nodes.splice(0).map((node) => node.stop())));

/** A node whose kernel refuses rules by some sign. */
function start(
  refuses: (line: string) => boolean = (line) => line.includes(REFUSED),
  given: NodeGiven = {},
): ProgrammedNode {
  const node = new ProgrammedNode({ model: new IptablesModel('', refuses), ...given });
  nodes.push(node);
  return node;
}

describe('a ServicePort that the kernel refuses does not hold up the others', () => {
  it('where the tool names the line: found at once', async () => {
    const node = start();
    node.serveMany(64);
    node.serve('bad', '10.96.0.66', [REFUSED]);
    await node.sync();
    expect(node.served(64)).toBe(64);
    expect(node.outcomes('10.96.0.66')).toEqual(['pass']);
    expect(node.quarantined).toEqual(['default/bad/tcp']);
    expect(node.failures).toEqual([]);
    // Refused; the base; refused; all others; the one alone.
    expect(node.programs.payloads).toHaveLength(5);
    expect(node.warnings).toEqual([expect.stringContaining('ServicePort default/bad/tcp is quarantined')]);
  });

  it('where it does not: found by halving', async () => {
    const node = start(undefined, { namesLines: false });
    node.serveMany(64);
    node.serve('bad', '10.96.0.66', [REFUSED]);
    await node.sync();
    expect(node.served(64)).toBe(64);
    expect(node.quarantined).toEqual(['default/bad/tcp']);
    expect(node.programs.payloads.length).toBeLessThan(20);
  });

  it('where there are several', async () => {
    for (const namesLines of [true, false]) {
      const node = start(undefined, { namesLines });
      node.serveMany(20);
      for (let i = 0; i < 5; i++) node.serve(`s${i * 3}`, `10.96.1.${i * 3}`, [REFUSED]);
      await node.sync();
      expect(node.served(20)).toBe(15);
      expect([...node.quarantined].sort()).toEqual(
        ['s0', 's12', 's3', 's6', 's9'].map((name) => `default/${name}/tcp`),
      );
    }
  });

  it('where it is the only one', async () => {
    const node = start();
    node.serve('bad', '10.96.0.66', [REFUSED]);
    await node.sync();
    expect(node.quarantined).toEqual(['default/bad/tcp']);
    expect(node.failures).toEqual([]);
    // Everything else goes on.
    node.serve('good', '10.96.0.1', ['10.244.1.1']);
    await node.sync();
    expect(node.outcomes('10.96.0.1')).toEqual(['10.244.1.1:8080']);
  });
});

describe('a quarantined ServicePort', () => {
  /** A node on which `web` works, then is changed to something refused, together with `other`. */
  async function quarantine(): Promise<{ node: ProgrammedNode; refusing: { now: boolean } }> {
    const refusing = { now: true };
    const node = start((line) => refusing.now && line.includes(REFUSED));
    node.serve('web', '10.96.0.1', ['10.244.1.1']);
    node.serve('other', '10.96.0.2', ['10.244.1.2']);
    await node.sync();
    node.serve('web', '10.96.0.1', [REFUSED]);
    node.serve('other', '10.96.0.2', ['10.244.1.3']);
    await node.sync();
    return { node, refusing };
  }

  it('keeps its last good rules, and the others change', async () => {
    const { node } = await quarantine();
    expect(node.quarantined).toEqual(['default/web/tcp']);
    expect(node.outcomes('10.96.0.1')).toEqual(['10.244.1.1:8080']);
    expect(node.outcomes('10.96.0.2')).toEqual(['10.244.1.3:8080']);
  });

  it('keeps them also while others change, and when everything is compared with the kernel', async () => {
    const { node } = await quarantine();
    node.serve('other', '10.96.0.2', ['10.244.1.4']);
    await node.sync();
    node.reconciler.reread();
    await node.sync();
    expect(node.outcomes('10.96.0.1')).toEqual(['10.244.1.1:8080']);
    expect(node.outcomes('10.96.0.2')).toEqual(['10.244.1.4:8080']);
    expect(node.reports.at(-1)?.lines).toBe(0);
  });

  it('comes out when it changes into something good', async () => {
    const { node } = await quarantine();
    node.serve('web', '10.96.0.1', ['10.244.1.7']);
    await node.sync();
    expect(node.outcomes('10.96.0.1')).toEqual(['10.244.1.7:8080']);
    expect(node.reconciler.quarantined).toEqual([]);
  });

  it('goes with its Service', async () => {
    const { node } = await quarantine();
    node.remove('web');
    await node.sync();
    expect(node.outcomes('10.96.0.1')).toEqual(['pass']);
    expect(node.reconciler.quarantined).toEqual([]);
    expect(node.model.save()).not.toContain('default/web');
  });

  it('is tried again after 30 s, then more and more rarely', async () => {
    const { node, refusing } = await quarantine();
    const tries = [];
    for (const seconds of [30, 60, 120]) {
      const wait = (node.reconciler.quarantined[0]?.retryAt ?? 0) - node.clock.now();
      expect(wait).toBe(seconds * 1000);
      // Looks at the static chains come in between.
      for (let left = wait; left > 0; left -= 30_000) await node.pass(Math.min(left, 30_000));
      tries.push(node.reconciler.quarantined[0]?.attempts);
    }
    expect(tries).toEqual([2, 3, 4]);
    expect(node.quarantined).toHaveLength(4);
    expect(node.outcomes('10.96.0.1')).toEqual(['10.244.1.1:8080']);

    refusing.now = false;
    for (let i = 0; i < 8; i++) await node.pass(30_000);
    expect(node.reconciler.quarantined).toEqual([]);
    expect(node.outcomes('10.96.0.1')).toEqual([`${REFUSED}:8080`]);
  });

  it('leaves nothing of its refused rules behind', async () => {
    const node = start((line) => line.includes('-s 192.0.2.0/24'));
    const spec = { type: 'LoadBalancer' };
    const ingress = ['203.0.113.1'];
    node.tracker.upsert('Service', service('web', '10.96.0.1', { spec, ingress }));
    node.tracker.upsert('EndpointSlice', slice('web', ['10.244.1.1']));
    await node.sync();
    const before = node.model.save();
    // The filter's part of source ranges is accepted, and comes first.
    const ranges = { ...spec, loadBalancerSourceRanges: ['192.0.2.0/24'] };
    node.tracker.upsert('Service', service('web', '10.96.0.1', { spec: ranges, ingress }));
    await node.sync();
    expect(node.quarantined).toEqual(['default/web/tcp']);
    expect(node.model.save()).toBe(before);
  });
});

describe('at the first start', () => {
  it('a refused ServicePort keeps what the kernel has of it in an older form', async () => {
    const older = start();
    older.serve('web', '10.96.0.1', ['10.244.1.1']);
    await older.sync();

    const node = start(undefined, {
      model: new IptablesModel(older.model.save(), (line) => line.includes(REFUSED)),
    });
    node.serve('web', '10.96.0.1', [REFUSED]);
    node.serve('other', '10.96.0.2', ['10.244.1.2']);
    await node.sync();
    expect(node.quarantined).toEqual(['default/web/tcp']);
    expect(node.outcomes('10.96.0.1')).toEqual(['10.244.1.1:8080']);
    expect(node.outcomes('10.96.0.2')).toEqual(['10.244.1.2:8080']);
    // And gives it up when the Service goes.
    node.remove('web');
    await node.sync();
    expect(node.model.save()).not.toContain('default/web');
  });

  it('what is left of deleted Services goes all the same', async () => {
    const older = start();
    older.serve('gone', '10.96.0.3', ['10.244.1.3']);
    await older.sync();

    const node = start(undefined, {
      model: new IptablesModel(older.model.save(), (line) => line.includes(REFUSED)),
    });
    node.serve('web', '10.96.0.1', [REFUSED]);
    await node.sync();
    expect(node.quarantined).toEqual(['default/web/tcp']);
    expect(node.model.save()).not.toContain('default/gone');
  });
});

describe('where a shared chain has to be rewritten as well', () => {
  it('rules come into it as their chains do, and only the refused ServicePort is left out', async () => {
    const save = [
      '*nat',
      ':KUBE-SERVICES - [0:0]',
      '-A KUBE-SERVICES [unsupported revision]',
      'COMMIT',
      '',
    ].join('\n');
    for (const namesLines of [true, false]) {
      const model = new IptablesModel(save, (line) => line.includes(REFUSED));
      const node = start(undefined, { model, namesLines });
      node.serveMany(8);
      node.serve('bad', '10.96.0.66', [REFUSED]);
      await node.sync();
      expect(node.failures).toEqual([]);
      expect(node.quarantined).toEqual(['default/bad/tcp']);
      expect(node.served(8)).toBe(8);
      expect(model.save()).not.toContain('unsupported');
    }
  });
});

describe('nobody is quarantined', () => {
  it('where what every Service needs is refused: the family fails with one message', async () => {
    const node = start((line) => line.includes('MASQUERADE'));
    node.serveMany(10);
    await node.sync();
    expect(node.failures.map(({ code }) => code)).toEqual(['environment']);
    expect(node.quarantined).toEqual([]);
    expect(node.warnings).toHaveLength(1);
    expect(node.warnings[0]).toContain('-A KUBE-POSTROUTING');
  });

  it('where nothing works at all', async () => {
    const node = start((line) => line.includes('10.244.1.'));
    node.serveMany(40);
    await node.sync();
    expect(node.failures.map(({ code }) => code)).toEqual(['environment']);
    expect(node.quarantined).toEqual([]);
  });

  it('for a deletion: a chain that somebody else uses stays, and everything else goes on', async () => {
    const node = start();
    node.serve('web', '10.96.0.1', ['10.244.1.1']);
    await node.sync();
    const chain = [...(node.model.tables.get('nat')?.keys() ?? [])].find((name) =>
      name.startsWith('KUBE-SVC-'),
    );
    node.model.restore(`*nat\n:FOREIGN - [0:0]\n-A FOREIGN -j ${chain}\nCOMMIT\n`);
    node.remove('web');
    node.serve('other', '10.96.0.2', ['10.244.1.2']);
    await node.sync();
    expect(node.outcomes('10.96.0.2')).toEqual(['10.244.1.2:8080']);
    expect(node.outcomes('10.96.0.1')).toEqual(['pass']);
    expect(node.quarantined).toEqual([]);
  });
});
