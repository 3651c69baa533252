import assert from 'node:assert/strict';
import { eventually } from '../deadline.ts';
import { clusterIP, SERVICE_PORT, slices } from '../manifest.ts';
import { ADDRESSES, type PodName } from '../topology.ts';
import { SERVICES } from '../traffic-services.ts';
import { HeldConnection } from './held-connection.ts';
import { PATIENCE_MS } from './mode-stage.ts';
import type { PacketStage } from './packet-stage.ts';
import type { Trial } from './trial.ts';

const EVERYBODY: readonly PodName[] = ['pod-a', 'pod-b', 'pod-c'];
const { hostnames } = SERVICES;
const NEW_ADDRESS = '172.18.0.77';

/** What the daemon does once all is programmed. */
export const daemonTrials: readonly Trial<PacketStage>[] = [
  {
    name: 'the daemon: a new endpoint costs one line for each of its virtual servers, and nothing is listed',
    async run(stage) {
      const daemon = await stage.daemon();
      await daemon.settled(PATIENCE_MS);
      daemon.runs.length = 0;
      const [slice] = slices('hostnames', [...hostnames.endpoints, 'pod-d']);
      assert.ok(slice);
      daemon.put(slice);
      await daemon.settled(PATIENCE_MS);
      assert.deepEqual(
        daemon.runs.map(({ command }) => command),
        ['ipvsadm --restore'],
      );
      // Its cluster IP, external IP and load balancer IP, and its node port on two addresses.
      const added = `-r ${ADDRESSES.ipv4.pods['pod-d']}:8080 -m -w 1`;
      const lines = daemon.runs[0]?.input.trim().split('\n') ?? [];
      assert.equal(lines.length, 5, lines.join('\n'));
      assert.ok(lines.every((line) => line.startsWith('-a -t ') && line.endsWith(added)));
    },
  },
  {
    name: 'the daemon: an address that the node gets answers node ports at once, until it is gone',
    async run(stage) {
      const { lab } = stage;
      await (await stage.daemon()).settled(PATIENCE_MS);
      const isServed = async () =>
        (await lab.node.run(['ipvsadm', '-Sn'])).includes(` ${NEW_ADDRESS}:30010 `);
      await lab.node.ip([`addr add ${NEW_ADDRESS}/16 dev eth0`]);
      await eventually('node ports there', async () => (await isServed()) || undefined);
      await lab.node.ip([`addr del ${NEW_ADDRESS}/16 dev eth0`]);
      await eventually('no node ports there', async () => !(await isServed()) || undefined);
    },
  },
  {
    name: 'the daemon: an endpoint that goes drains, and is gone within a minute of its last connection',
    async run(stage) {
      const { lab } = stage;
      const daemon = await stage.daemon();
      await daemon.settled(PATIENCE_MS);
      const address = clusterIP('ipv4', hostnames.n);
      const client = new HeldConnection(lab.pod('pod-b'), address, SERVICE_PORT);
      const pod = await client.pod();
      const [slice] = slices(
        'hostnames',
        EVERYBODY.filter((name) => name !== pod),
      );
      assert.ok(slice);
      daemon.put(slice);
      const server = `-t ${address}:80 -r ${ADDRESSES.ipv4.pods[pod as PodName]}:8080`;
      const line = async () => {
        const lines = (await lab.node.run(['ipvsadm', '-Sn'])).split('\n');
        return lines.find((found) => found.includes(server))?.trim() ?? 'gone';
      };
      await eventually('it drains', async () => (await line()).endsWith(' -w 0') || undefined);
      assert.equal(await client.pod(), pod);
      assert.notEqual(await line(), 'gone');
      await client[Symbol.asyncDispose]();
      await eventually('it is gone', async () => (await line()) === 'gone' || undefined, {
        timeoutMs: PATIENCE_MS,
      });
    },
  },
];
