import type { Answer } from './probe-protocol.ts';

/** Who answered how often, and failures by their kind: `{'pod-a': 7, refused: 1}`, in alphabetical order. */
export function tally(answers: readonly Answer[]): Readonly<Record<string, number>> {
  const counts = new Map<string, number>();
  for (const answer of answers) {
    const key = 'pod' in answer ? answer.pod : answer.error;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The source addresses that Pods saw, each once. */
export function clientsSeen(answers: readonly Answer[]): readonly string[] {
  return [...new Set(answers.flatMap((answer) => ('pod' in answer ? [answer.client] : [])))].sort();
}

/** Pearson's statistic of counts against equal shares. Degrees of freedom: one less than there are counts. */
export function chiSquare(counts: readonly number[]): number {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}
