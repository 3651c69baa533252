import { corpusTrials } from './corpus-trials.ts';
import { daemonTrials } from './daemon-trials.ts';
import { drainTrials } from './drain-trials.ts';
import { hostTrials } from './host-trials.ts';
import { PacketStage } from './packet-stage.ts';
import { packetTrials } from './packet-trials.ts';
import { sctpTrials } from './sctp-trials.ts';
import { type TrialGroup, trialGroup } from './trial.ts';

/** All that runs in the virtual machine. One lab serves all packets: it takes its time to build. */
export const GROUPS: readonly TrialGroup[] = [
  hostTrials,
  trialGroup('traffic in ipvs mode', PacketStage.create, [
    ...packetTrials,
    ...sctpTrials,
    ...drainTrials,
    ...daemonTrials,
  ]),
  corpusTrials,
];
