/** 1 ms to 16.384 s, each twice the one before: kube-proxy's for syncs. */
export const SYNC_BUCKETS: readonly number[] = Array.from({ length: 15 }, (_, i) => 0.001 * 2 ** i);

/** From nothing to 5 minutes: kube-proxy's for what passes between a change in the cluster and its rules. */
export const NETWORK_PROGRAMMING_BUCKETS: readonly number[] = [
  0,
  ...steps(0.25, 0.25, 2),
  ...steps(1, 1, 59),
  ...steps(60, 5, 12),
  ...steps(120, 30, 7),
];

/** client-go's for requests to the API server. */
export const REQUEST_BUCKETS: readonly number[] = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];

function steps(from: number, step: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => from + i * step);
}
