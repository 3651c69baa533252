/** What a table says about a number of samples. */
export interface Summary {
  readonly n: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/** @throws RangeError where there are no samples */
export function summarize(samples: readonly number[]): Summary {
  const sorted = samples.toSorted((a, b) => a - b);
  return {
    n: sorted.length,
    p50: nearestRank(sorted, 50),
    p90: nearestRank(sorted, 90),
    p99: nearestRank(sorted, 99),
    max: nearestRank(sorted, 100),
  };
}

/**
 * The smallest sample that at least `percent` of all samples do not exceed: always a value that was measured. Of few
 * samples the high percentiles are the greatest one.
 * @param percent more than 0, at most 100
 * @throws RangeError where there are no samples, or no such percentile
 */
export function percentile(samples: readonly number[], percent: number): number {
  return nearestRank(
    samples.toSorted((a, b) => a - b),
    percent,
  );
}

/** @throws RangeError where there are no samples */
export function mean(samples: readonly number[]): number {
  if (samples.length === 0) throw new RangeError('the mean of no samples');
  return samples.reduce((sum, sample) => sum + sample, 0) / samples.length;
}

function nearestRank(sorted: readonly number[], percent: number): number {
  if (!(percent > 0 && percent <= 100)) {
    throw new RangeError(`percent must be more than 0 and at most 100: current value is ${percent}`);
  }
  const sample = sorted[Math.ceil((percent * sorted.length) / 100) - 1];
  if (sample === undefined) throw new RangeError('a percentile of no samples');
  return sample;
}
