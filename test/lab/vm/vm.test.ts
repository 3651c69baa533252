import { beforeAll, describe, expect, it } from 'vitest';
import { GROUPS } from './groups.ts';
import { placeOfTrials } from './hindrance.ts';
import { runMachine } from './machine.ts';
import { isWanted, type TrialResult } from './trial.ts';
import { readResults, runTrialsHere, type TrialsRun } from './trials-here.ts';

/** ms for all trials. On two cores that others use as well they take a quarter of it. */
const TIMEOUT_MS = 1_200_000;
/** An exit code from here on tells of a signal. */
const FIRST_SIGNAL = 128;

const place = await placeOfTrials();
if (place.kind === 'nowhere') {
  if (process.env['CI'] === 'true') {
    it('ipvs mode on a real kernel', () => expect.fail(`CI must run these tests: ${place.reason}`));
  } else {
    it.skip(`ipvs mode on a real kernel (skipped: ${place.reason})`, () => {});
  }
} else {
  describe(`ipvs mode on a real kernel (${place.kind})`, () => {
    const results = new Map<string, TrialResult>();
    let otherwise = 'not run';

    beforeAll(async () => {
      const run =
        place.kind === 'virtual machine' ? await runTrialsInMachine() : await runTrialsHere(TIMEOUT_MS);
      otherwise = run.otherwise;
      for (const result of run.results) results.set(`${result.group}: ${result.trial}`, result);
    }, 2 * TIMEOUT_MS);

    for (const group of GROUPS) {
      const trials = group.trials.filter((trial) => isWanted(group.name, trial));
      describe.skipIf(trials.length === 0)(group.name, () => {
        it.for(trials)('%s', async (trial, { annotate }) => {
          const result = results.get(`${group.name}: ${trial}`);
          if (!result) return expect.fail(otherwise);
          if (result.retried !== undefined)
            await annotate(`passed at the second try, after ${result.retried}`);
          if (result.error !== undefined) expect.fail(result.error);
        });
      });
    }
  });
}

async function runTrialsInMachine(): Promise<TrialsRun> {
  const options = {
    script: 'test/lab/vm/guest.ts',
    environment: { FAIRLEAD_TRIALS: process.env['FAIRLEAD_TRIALS'] ?? '' },
    timeoutMs: TIMEOUT_MS,
  };
  let run = await runMachine(options);
  // Once in a long while Node.js itself crashes on an emulated processor.
  if ((run.exitCode ?? 0) >= FIRST_SIGNAL) run = await runMachine(options);
  const { results, exitCode, console, failure } = run;
  const why = failure ?? `guest.ts ended with ${exitCode}`;
  return {
    results: readResults(results ?? ''),
    otherwise: `the virtual machine: ${why}; its console:\n${console}`,
  };
}
