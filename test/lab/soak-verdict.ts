import type { SoakResult } from './soak-run.ts';

/** What garbage collection and fragmentation may do without anything being kept. Bytes. */
const HEAP_SLACK = 6e6;
const RESIDENT_SLACK = 30e6;
/** Connections that are just being opened or closed. */
const FILE_SLACK = 6;

/** Programs that stay for a while after a change, one each. The kernel cuts their names. */
const KEPT = new Set(['iptables-nft-restore', 'ip6tables-nft-restore'].map((name) => name.slice(0, 15)));

/** Of a process' children at rest, those that should not be there. */
export function leftOver(children: readonly string[]): readonly string[] {
  return children.filter((name, i) => !KEPT.has(name) || children.indexOf(name) !== i);
}

/** What is wrong with how a soak ended, a line each. Empty: all is well. */
export function soakFindings({ samples, differences, exitCode }: SoakResult): readonly string[] {
  const findings = differences.map((line) => `not as a fresh dry run: ${line}`);
  if (exitCode !== 0) findings.push(`ended with ${exitCode} when asked to end`);
  for (const { at, children } of samples) {
    const left = leftOver(children);
    if (left.length > 0) findings.push(`child processes at rest, after ${at} ms: ${left.join(', ')}`);
  }
  // Code is compiled, and buffers find their size, in the beginning.
  const warm = samples.slice(Math.floor(samples.length / 4));
  const third = Math.ceil(warm.length / 3);
  const grew = (what: string, measure: (sample: (typeof samples)[number]) => number, slack: number): void => {
    const before = Math.min(...warm.slice(0, third).map(measure));
    const after = Math.min(...warm.slice(-third).map(measure));
    if (after > before + slack) findings.push(`${what} grew from ${before} to ${after}`);
  };
  grew('heap', ({ heap }) => heap, HEAP_SLACK);
  grew('resident memory', ({ resident }) => resident, RESIDENT_SLACK);
  grew('the number of open files', ({ files }) => files, FILE_SLACK);
  return findings;
}
