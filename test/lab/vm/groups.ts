import { cafeTrials } from './cafe-trials.ts';
import { corpusTrials } from './corpus-trials.ts';
import { daemonTrials } from './daemon-trials.ts';
import { drainTrials } from './drain-trials.ts';
import { explainTrials } from './explain-trials.ts';
import { hostTrials } from './host-trials.ts';
import { modeTrials } from './mode-trials.ts';
import { PacketStage } from './packet-stage.ts';
import { packetTrials } from './packet-trials.ts';
import { type TrialGroup, trialGroup } from './trial.ts';

/** All that runs in the virtual machine, each group on a stage of its own. Those that take longest come first. */
export const GROUPS: readonly TrialGroup[] = [
  // Mostly waits: for connections to end, and for the minute after which the daemon looks.
  trialGroup('draining in ipvs mode', PacketStage.create, [...drainTrials, ...daemonTrials]),
  modeTrials,
  corpusTrials,
  hostTrials,
  trialGroup('traffic in ipvs mode', PacketStage.create, [...packetTrials, ...explainTrials]),
  cafeTrials,
];
