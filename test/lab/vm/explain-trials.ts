import assert from 'node:assert/strict';
import { ExplainComparison } from '../explain-comparison.ts';
import { labConfiguration } from '../fairlead-process.ts';
import { manifest } from '../manifest.ts';
import { trafficCluster } from '../traffic-services.ts';
import type { PacketStage } from './packet-stage.ts';
import type { Trial } from './trial.ts';

const OPTIONS = { seed: 7, cases: 60, batch: 20, requests: 4, silenceMs: 3_000 };

/** What is explained of ipvs mode, beside what the kernel does. */
export const explainTrials: readonly Trial<PacketStage>[] = [
  {
    name: `explain and the kernel agree on ${OPTIONS.cases} random packets`,
    run: async ({ lab }) => {
      const cluster = await lab.file('explained.yaml', manifest(trafficCluster()));
      const config = await lab.file('explained-config.yaml', labConfiguration());
      const flags = ['--config', config, '--from', cluster, '--mode=ipvs', '--iptables-backend=nft'];
      const comparison = await ExplainComparison.create(lab, flags, OPTIONS);
      assert.deepEqual(await comparison.withPackets(), []);
      assert.deepEqual(await comparison.withDesired(), []);
      for (const sort of ['endpoint', 'pass', 'drop', 'reject', 'masqueraded', 'as itself']) {
        assert.ok((comparison.seen.get(sort) ?? 0) > 1, sort);
      }
    },
  },
];
