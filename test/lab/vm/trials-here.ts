import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { searchPath } from '../command.ts';
import type { TrialResult } from './trial.ts';

const GUEST = fileURLToPath(new URL('./guest.ts', import.meta.url));

/** What guest.ts has to say. */
export interface TrialsRun {
  readonly results: readonly TrialResult[];
  /** Why the results of some trials may be missing. */
  readonly otherwise: string;
}

/**
 * Runs the trials on this machine's own kernel.
 * @param env FAIRLEAD_TRIALS, where it is not the one of this process
 */
export async function runTrialsHere(
  timeoutMs: number,
  env: Readonly<Record<string, string>> = {},
): Promise<TrialsRun> {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-trials-'));
  try {
    const file = join(folder, 'results');
    const { all } = await execa(process.execPath, [GUEST, file], {
      env: { PATH: searchPath(), ...env },
      all: true,
      reject: false,
      timeout: timeoutMs,
    });
    return { results: readResults(await readFile(file, 'utf8').catch(() => '')), otherwise: all };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** @param text what guest.ts wrote */
export function readResults(text: string): readonly TrialResult[] {
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}
