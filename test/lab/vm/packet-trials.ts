import assert from 'node:assert/strict';
import type { Family } from '../../../rules/model.ts';
import { FAMILIES } from '../../../rules/model.ts';
import { clientsSeen, tally } from '../answers.ts';
import { balancerIP, externalIP } from '../manifest.ts';
import type { Namespace } from '../namespaces.ts';
import type { RequestOptions } from '../probe-protocol.ts';
import { ADDRESSES } from '../topology.ts';
import { SERVICES } from '../traffic-services.ts';
import type { PacketStage } from './packet-stage.ts';
import type { Trial } from './trial.ts';

const EVERYBODY = ['pod-a', 'pod-b', 'pod-c'];
/** For what is dropped: nothing answers. */
const DROPPED: RequestOptions = { timeoutMs: 1_000 };

/** Packets through ipvs mode. */
export const packetTrials: readonly Trial<PacketStage>[] = FAMILIES.flatMap(familyTrials);

function familyTrials(family: Family): Trial<PacketStage>[] {
  const own = ADDRESSES[family];
  const trial = (name: string, run: (stage: PacketStage) => Promise<void>): Trial<PacketStage> => ({
    name: `${family}: ${name}`,
    run,
  });
  return [
    trial('the cluster IP answers a Pod, the node itself and a client outside', async (stage) => {
      const { lab } = stage;
      for (const from of [lab.pod('pod-a'), lab.node, lab.outside]) {
        await expectEverybody(stage, from, stage.clusterIP(family, 'hostnames'));
      }
    }),
    trial('a Pod sees which Pod it is that asks, and the node instead of a client outside', async (stage) => {
      const { lab } = stage;
      const to = stage.clusterIP(family, 'spread');
      const inside = await stage.ask(lab.pod('pod-b'), 'spread', to, { count: 6 });
      assert.deepEqual(clientsSeen(inside), [own.pods['pod-b']]);
      const outside = await stage.ask(lab.outside, 'spread', to, { count: 6 });
      assert.deepEqual(clientsSeen(outside), [own.bridge, own.node].sort());
    }),
    trial('a Pod reaches itself by its own Service', async (stage) => {
      const to = stage.clusterIP(family, 'selfish');
      const answers = await stage.ask(stage.lab.pod('pod-a'), 'selfish', to, { count: 2 });
      assert.deepEqual(tally(answers), { 'pod-a': 2 });
      assert.deepEqual(clientsSeen(answers), [own.bridge]);
    }),
    trial(
      'the node port answers a client outside, the node itself and a Pod, but not on loopback',
      async (stage) => {
        const { lab } = stage;
        for (const from of [lab.outside, lab.node, lab.pod('pod-b')])
          await expectEverybody(stage, from, own.node);
        assert.deepEqual(tally(await stage.ask(lab.node, 'hostnames', own.loopback)), { refused: 1 });
      },
    ),
    trial('external and load balancer IPs answer a client outside and the node itself', async (stage) => {
      for (const to of [externalIP(family, SERVICES.hostnames.n), balancerIP(family, SERVICES.hostnames.n)]) {
        for (const from of [stage.lab.outside, stage.lab.node]) await expectEverybody(stage, from, to);
      }
    }),
    trial('source ranges let nobody else through to the load balancer IP', async (stage) => {
      const [allowed, refused] = own.clients;
      const to = balancerIP(family, SERVICES.guarded.n);
      const from = stage.lab.outside;
      assert.deepEqual(tally(await stage.ask(from, 'guarded', to, { source: refused, ...DROPPED })), {
        timeout: 1,
      });
      const answers = await stage.ask(from, 'guarded', to, { source: allowed, count: 3 });
      assert.deepEqual(Object.keys(tally(answers)), EVERYBODY);
    }),
    trial(
      'externalTrafficPolicy Local keeps the source address, and uses endpoints of this node',
      async (stage) => {
        const answers = await stage.ask(stage.lab.outside, 'spread-local', own.node, { count: 4 });
        assert.deepEqual(tally(answers), { 'pod-a': 4 });
        assert.deepEqual(clientsSeen(answers), [own.clients[0]]);
      },
    ),
    trial(
      'internalTrafficPolicy Local uses endpoints of this node, and refuses where there are none',
      async (stage) => {
        const from = stage.lab.pod('pod-b');
        const here = stage.clusterIP(family, 'spread-internal');
        assert.deepEqual(tally(await stage.ask(from, 'spread-internal', here, { count: 4 })), { 'pod-a': 4 });
        const elsewhere = stage.clusterIP(family, 'elsewhere-internal');
        assert.deepEqual(tally(await stage.ask(from, 'elsewhere-internal', elsewhere)), { refused: 1 });
      },
    ),
    trial('session affinity keeps a client at its endpoint', async (stage) => {
      const to = stage.clusterIP(family, 'sticky');
      const answers = await stage.ask(stage.lab.pod('pod-b'), 'sticky', to, { count: 6 });
      assert.equal(Object.keys(tally(answers)).length, 1);
    }),
    trial('UDP: cluster IP and node port', async (stage) => {
      const { lab } = stage;
      for (const [from, to] of [
        [lab.pod('pod-a'), stage.clusterIP(family, 'dns')],
        [lab.outside, own.node],
      ] as const) {
        const answers = await stage.ask(from, 'dns', to, { count: 6 });
        assert.deepEqual(Object.keys(tally(answers)), EVERYBODY);
      }
    }),
    trial('a Service without endpoints refuses at once', async (stage) => {
      const { lab } = stage;
      const ways: readonly (readonly [Namespace, 'empty' | 'empty-dns', string])[] = [
        [lab.pod('pod-a'), 'empty', stage.clusterIP(family, 'empty')],
        [lab.node, 'empty', stage.clusterIP(family, 'empty')],
        [lab.outside, 'empty', own.node],
        [lab.outside, 'empty', externalIP(family, SERVICES.empty.n)],
        [lab.pod('pod-a'), 'empty-dns', stage.clusterIP(family, 'empty-dns')],
      ];
      const answers = await Promise.all(ways.map(([from, name, to]) => stage.ask(from, name, to)));
      for (const [i, [from, name, to]] of ways.entries()) {
        assert.deepEqual(tally(answers[i] ?? []), { refused: 1 }, `${from.name} to ${name} at ${to}`);
      }
    }),
    trial(
      'a port of a cluster IP that no Service has is refused, whatever listens on the node',
      async (stage) => {
        const [answer] = await stage.lab
          .from(stage.lab.outside)
          .request({ protocol: 'tcp', address: stage.clusterIP(family, 'hostnames'), port: 8080 });
        assert.deepEqual(tally(answer ? [answer] : []), { refused: 1 });
      },
    ),
  ];
}

async function expectEverybody(stage: PacketStage, from: Namespace, to: string): Promise<void> {
  const answers = await stage.ask(from, 'hostnames', to, { count: 6 });
  assert.deepEqual(Object.keys(tally(answers)), EVERYBODY, `who answered ${from.name} at ${to}`);
}
