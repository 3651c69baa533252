import { CafeSite } from '../cafe-site.ts';
import { CAFE_STEPS } from '../cafe-steps.ts';
import { type TrialGroup, trialGroup } from './trial.ts';

/** The cafe's day on a real kernel: a lab of its own, and a Fairlead as users start it. */
export const cafeTrials: TrialGroup = trialGroup(
  'cafe.example.com in ipvs mode',
  () => CafeSite.open('ipvs', { potSeconds: 20 }),
  CAFE_STEPS,
  { together: true },
);
