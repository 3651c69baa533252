/** ms on the monotonic clock of the machine, the same in every process on it. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
