import assert from 'node:assert/strict';
import type { Family } from '../../../rules/model.ts';
import { FAMILIES } from '../../../rules/model.ts';
import { tally } from '../answers.ts';
import { eventually } from '../deadline.ts';
import { SERVICE_PORT } from '../manifest.ts';
import { ADDRESSES, type PodName } from '../topology.ts';
import { HeldConnection } from './held-connection.ts';
import { PATIENCE_MS } from './mode-stage.ts';
import type { PacketStage } from './packet-stage.ts';
import type { Trial } from './trial.ts';

const NEVER = new AbortController().signal;
const EVERYBODY: readonly PodName[] = ['pod-a', 'pod-b', 'pod-c'];

/** Endpoints that go while connections to them are open. */
export const drainTrials: readonly Trial<PacketStage>[] = FAMILIES.flatMap(familyTrials);

function familyTrials(family: Family): Trial<PacketStage>[] {
  const kind = `${family}: `;
  return [
    {
      name: `${kind}a connection survives the removal of its endpoint and a restart, and the endpoint goes after it`,
      async run(stage) {
        const { lab, node } = stage;
        const address = stage.clusterIP(family, 'hostnames');
        const client = new HeldConnection(lab.pod('pod-b'), address, SERVICE_PORT);
        const pod = await client.pod();
        const others = EVERYBODY.filter((name) => name !== pod);
        await stage.program({ hostnames: { endpoints: others } });

        assert.equal(await client.pod(), pod);
        const asked = await stage.ask(lab.outside, 'hostnames', address, { count: 6 });
        assert.deepEqual(Object.keys(tally(asked)), others);

        await node.adopt();
        const { rulesets } = await stage.compile({ hostnames: { endpoints: others } });
        assert.deepEqual(await node.sync(rulesets), [], 'a restart writes nothing');
        const drain = node.dataplanes.get(family)?.drain;
        assert.ok(drain, 'the dataplane drains');
        await drain.look(NEVER);
        assert.equal(drain.isDrained(`virtual tcp ${at(address)}`, serverOf(family, pod)), false);
        assert.equal(await client.pod(), pod);

        await client[Symbol.asyncDispose]();
        await eventually(
          'the last connection is forgotten',
          async () => {
            await drain.look(NEVER);
            return drain.isDrained(`virtual tcp ${at(address)}`, serverOf(family, pod)) || undefined;
          },
          { timeoutMs: PATIENCE_MS, pauseMs: 500 },
        );
        await node.sync(rulesets);
        assert.ok(!(await realServers(stage, address)).includes(serverOf(family, pod)));
        await stage.program({});
      },
    },
    {
      name: `${kind}an endpoint that comes back while it drains gets new connections at once`,
      async run(stage) {
        const { lab } = stage;
        const address = stage.clusterIP(family, 'hostnames');
        await using client = new HeldConnection(lab.pod('pod-b'), address, SERVICE_PORT);
        const pod = await client.pod();
        await stage.program({ hostnames: { endpoints: EVERYBODY.filter((name) => name !== pod) } });
        await stage.program({});
        const answers = await stage.ask(lab.outside, 'hostnames', address, { count: 6 });
        assert.deepEqual(Object.keys(tally(answers)), EVERYBODY);
        assert.equal(await client.pod(), pod);
      },
    },
    {
      name: `${kind}a Service that is scaled to zero refuses at once, and lets open connections end`,
      async run(stage) {
        const { lab } = stage;
        const address = stage.clusterIP(family, 'hostnames');
        await using client = new HeldConnection(lab.pod('pod-b'), address, SERVICE_PORT);
        const pod = await client.pod();
        await stage.program({ hostnames: { endpoints: [] } });
        const answers = await stage.ask(lab.outside, 'hostnames', address);
        assert.deepEqual(tally(answers), { refused: 1 });
        assert.equal(await client.pod(), pod);
        await stage.program({});
      },
    },
    {
      name: `${kind}an endpoint of UDP goes at once`,
      async run(stage) {
        const address = stage.clusterIP(family, 'dns');
        await stage.program({ dns: { endpoints: ['pod-a'] } });
        assert.deepEqual(await realServers(stage, address), [serverOf(family, 'pod-a')]);
        await stage.program({});
      },
    },
  ];
}

function serverOf(family: Family, pod: string): string {
  const address = ADDRESSES[family].pods[pod as PodName];
  return family === 'ipv6' ? `[${address}]:8080` : `${address}:8080`;
}

function at(address: string): string {
  return address.includes(':') ? `[${address}]:${SERVICE_PORT}` : `${address}:${SERVICE_PORT}`;
}

/** Real servers behind an address, at whatever weight. */
async function realServers({ node }: PacketStage, address: string): Promise<readonly string[]> {
  const lines = (await node.run(['ipvsadm', '-Sn'])).split('\n');
  return lines
    .filter((line) => line.startsWith('-a') && line.includes(` ${at(address)} `))
    .map((line) => /-r (\S+)/.exec(line)?.[1] ?? '');
}
