/** A test that runs in the virtual machine, without a test runner: it throws where something is wrong. */
export interface Trial<Stage> {
  readonly name: string;
  run(stage: Stage): Promise<void>;
}

/** Trials on one stage, one after the other. */
export interface TrialGroup {
  readonly name: string;
  readonly trials: readonly string[];
  /** Runs those that are wanted; a failure does not stop the others. */
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

/** @param open builds what the trials work on; it is disposed of when they are done */
export function trialGroup<Stage>(
  name: string,
  open: () => Promise<Stage & AsyncDisposable>,
  trials: readonly Trial<Stage>[],
): TrialGroup {
  return {
    name,
    trials: trials.map((trial) => trial.name),
    async run(report, wanted = () => true) {
      const chosen = trials.filter((trial) => wanted(trial.name));
      if (chosen.length === 0) return;
      const started = performance.now();
      let stage: Stage & AsyncDisposable;
      try {
        stage = await open();
      } catch (error) {
        const ms = performance.now() - started;
        for (const trial of chosen) report({ group: name, trial: trial.name, ms, error: textOf(error) });
        return;
      }
      try {
        for (const trial of chosen) report(await attempt(name, trial, stage));
      } finally {
        await stage[Symbol.asyncDispose]();
      }
    },
  };
}

/** As all of the lab, twice before it counts as failed: once in a hundred starts V8 crashes on an emulated processor. */
async function attempt<Stage>(group: string, trial: Trial<Stage>, stage: Stage): Promise<TrialResult> {
  const started = performance.now();
  const first = await failureOf(trial, stage);
  const second = first === undefined ? undefined : await failureOf(trial, stage);
  return {
    group,
    trial: trial.name,
    ms: performance.now() - started,
    ...(second !== undefined && { error: `${second}\nand before that:\n${first}` }),
    ...(first !== undefined && second === undefined && { retried: first }),
  };
}

async function failureOf<Stage>(trial: Trial<Stage>, stage: Stage): Promise<string | undefined> {
  try {
    await trial.run(stage);
    return undefined;
  } catch (error) {
    return textOf(error);
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
