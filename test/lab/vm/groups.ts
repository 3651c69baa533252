import { corpusTrials } from './corpus-trials.ts';
import type { TrialGroup } from './trial.ts';

/** All that runs in the virtual machine. */
export const GROUPS: readonly TrialGroup[] = [...corpusTrials];
