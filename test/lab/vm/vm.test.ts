import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { beforeAll, describe, expect, it } from 'vitest';
import { searchPath } from '../command.ts';
import { GROUPS } from './groups.ts';
import { placeOfTrials } from './hindrance.ts';
import { runMachine } from './machine.ts';
import { isWanted, type TrialResult } from './trial.ts';

const GUEST = fileURLToPath(new URL('./guest.ts', import.meta.url));
/** ms for all trials; on two idle cores they take less than half of it. */
const TIMEOUT_MS = 600_000;

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
      const outcome = place.kind === 'virtual machine' ? await inMachine() : await here();
      otherwise = outcome.otherwise;
      for (const line of outcome.results.split('\n').filter(Boolean)) {
        const result: TrialResult = JSON.parse(line);
        results.set(`${result.group}: ${result.trial}`, result);
      }
    }, TIMEOUT_MS + 30_000);

    for (const group of GROUPS) {
      const trials = group.trials.filter((trial) => isWanted(group.name, trial));
      describe.skipIf(trials.length === 0)(group.name, () => {
        it.each(trials)('%s', (trial) => {
          const result = results.get(`${group.name}: ${trial}`);
          if (!result) return expect.fail(otherwise);
          if (result.error !== undefined) expect.fail(result.error);
        });
      });
    }
  });
}

interface Outcome {
  /** A TrialResult a line. */
  readonly results: string;
  /** Why the results of some trials may be missing. */
  readonly otherwise: string;
}

async function inMachine(): Promise<Outcome> {
  const { results = '', exitCode, console, failure } = await runMachine(TIMEOUT_MS);
  const why = failure ?? `guest.ts ended with ${exitCode}`;
  return { results, otherwise: `the virtual machine: ${why}; its console:\n${console}` };
}

async function here(): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-trials-'));
  try {
    const file = join(folder, 'results');
    const env = { PATH: searchPath() };
    const { all } = await execa(process.execPath, [GUEST, file], {
      env,
      all: true,
      reject: false,
      timeout: TIMEOUT_MS,
    });
    return { results: await readFile(file, 'utf8').catch(() => ''), otherwise: all };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
