import assert from 'node:assert/strict';
import type { Family } from '../../../rules/model.ts';
import { FAMILIES } from '../../../rules/model.ts';
import { type ApiObject, service } from '../manifest.ts';
import { ADDRESSES, type PodName } from '../topology.ts';
import { SERVICES } from '../traffic-services.ts';
import type { PacketStage } from './packet-stage.ts';
import { askSctp, serveSctp } from './sctp.ts';
import type { Trial } from './trial.ts';

const PODS: readonly PodName[] = ['pod-a', 'pod-b'];
const PORT = 8080;

/** SCTP, which the hosts' own kernels may not have. */
export const sctpTrials: readonly Trial<PacketStage>[] = FAMILIES.map(trialOf);

function trialOf(family: Family): Trial<PacketStage> {
  const own = ADDRESSES[family];
  return {
    name: `${family}: SCTP: cluster IP and node port`,
    async run(stage) {
      const { lab } = stage;
      await using servers = new AsyncDisposableStack();
      for (const pod of PODS) {
        servers.use(await serveSctp(lab.pod(pod), { address: own.pods[pod], port: PORT }, pod));
      }
      await stage.node.sync((await stage.compileObjects(overSctp())).rulesets);
      const ways = [
        [lab.pod('pod-c'), stage.clusterIP(family, 'hostnames'), 80],
        [lab.outside, own.node, 30010],
      ] as const;
      for (const [from, to, port] of ways) {
        const answers = [await askSctp(from, to, port), await askSctp(from, to, port)];
        assert.deepEqual(answers.sort(), PODS, `${from.name} to ${to}`);
      }
      await stage.program({});
    },
  };
}

function overSctp(): readonly ApiObject[] {
  const objects = service('hostnames', { ...SERVICES.hostnames, endpoints: PODS });
  return JSON.parse(JSON.stringify(objects).replaceAll('"protocol":"TCP"', '"protocol":"SCTP"'));
}
