/** A test that runs in the virtual machine, without a test runner: it throws where something is wrong. */
export interface Trial<Stage> {
  readonly name: string;
  run(stage: Stage): Promise<void>;
}

/** Trials on one stage, one after the other. */
export interface TrialGroup {
  readonly name: string;
  readonly trials: readonly string[];
  /** Runs those that are wanted, and tells of each when all are done; a failure does not stop the others. */
  run(report: (result: TrialResult) => void, wanted?: (trial: string) => boolean): Promise<void>;
}

/** How a trial went. */
export interface TrialResult {
  readonly group: string;
  readonly trial: string;
  /** ms. */
  readonly ms: number;
  /** With its stack; undefined: it passed. */
  readonly error?: string;
  /** What went wrong at its first try, where the second passed. */
  readonly retried?: string;
}

/** Whether FAIRLEAD_TRIALS, where it is set, is a part of the trial's name; it has underscores for spaces. */
export function isWanted(group: string, trial: string): boolean {
  return `${group} ${trial}`.includes((process.env['FAIRLEAD_TRIALS'] ?? '').replaceAll('_', ' '));
}

/**
 * As all of the lab, trials are tried twice before they count as failed: once in a hundred starts V8 crashes on an
 * emulated processor. What failed is tried again on a stage of its own, as such a crash may have taken part of the
 * first with it.
 * @param open builds what the trials work on; it is disposed of when they are done
 * @param together trials that build on those before them: one that fails has all tried again
 */
export function trialGroup<Stage>(
  name: string,
  open: () => Promise<Stage & AsyncDisposable>,
  trials: readonly Trial<Stage>[],
  { together = false }: { readonly together?: boolean } = {},
): TrialGroup {
  return {
    name,
    trials: trials.map((trial) => trial.name),
    async run(report, wanted = () => true) {
      const chosen = trials.filter((trial) => wanted(trial.name));
      const first = await runAll(open, chosen);
      const failed = chosen.filter((trial) => first.get(trial)?.error !== undefined);
      const again = together && failed.length > 0 ? chosen : failed;
      const second = await runAll(open, again);
      for (const trial of chosen) {
        const { ms = 0, error } = first.get(trial) ?? {};
        const later = second.get(trial);
        const result = { group: name, trial: trial.name, ms: ms + (later?.ms ?? 0) };
        if (later?.error !== undefined) {
          report({ ...result, error: `${later.error}\nand before that: ${error ?? 'it passed'}` });
        } else report({ ...result, ...(error !== undefined && { retried: error }) });
      }
    },
  };
}

interface Attempt {
  readonly ms: number;
  readonly error?: string;
}

/** Twice what the slowest takes on a busy machine. */
const LIMIT_MS = 150_000;

async function runAll<Stage>(
  open: () => Promise<Stage & AsyncDisposable>,
  trials: readonly Trial<Stage>[],
): Promise<ReadonlyMap<Trial<Stage>, Attempt>> {
  const attempts = new Map<Trial<Stage>, Attempt>();
  if (trials.length === 0) return attempts;
  const opening = open();
  const opened = await attempt(async () => void (await opening));
  if (opened.error !== undefined) {
    for (const trial of trials) attempts.set(trial, opened);
    return attempts;
  }
  const stage = await opening;
  for (const trial of trials) attempts.set(trial, await attempt(() => trial.run(stage)));
  await attempt(() => Promise.resolve(stage[Symbol.asyncDispose]()));
  return attempts;
}

async function attempt(work: () => Promise<void>): Promise<Attempt> {
  const started = performance.now();
  const ms = () => performance.now() - started;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end after ${LIMIT_MS / 1000} s`)), LIMIT_MS);
  });
  try {
    await Promise.race([work(), late]);
    return { ms: ms() };
  } catch (error) {
    return { ms: ms(), error: textOf(error) };
  } finally {
    clearTimeout(timer);
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
