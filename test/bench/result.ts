import type { CpuTime } from './usage.ts';

/** How the program under test is called in results. */
export const FAIRLEAD = 'fairlead';

/** The moments that are measured, in the order of the report. */
export const CASES = [
  'cold start',
  'restart, nothing changed',
  'restart, an endpoint changed meanwhile',
  'one endpoint changed',
  'one Service added',
  'one Service removed',
  'steady stream of changes',
  'start to first API request',
  'one of many endpoints of a Service changed',
  'steady stream of changes of one big Service',
] as const;
export type Case = (typeof CASES)[number];

/** One case, measured for one program or strategy. */
export interface Measurement {
  readonly case: Case;
  /** Who: a proxy, the bare tool, a strategy. */
  readonly by: string;
  /** ms. */
  readonly samples: readonly number[];
  /** ms of CPU time for each sample, of the process and of all that it started. Of a bare tool, it is all its own. */
  readonly cpu?: CpuTime;
  /** Lines of payload for each sample that change something. */
  readonly lines?: number;
  /** Objects that the kernel was told to add or remove, for each sample. */
  readonly writes?: number;
  /** What the numbers have to be divided by. */
  readonly limit?: true;
}

/** Resident memory in MB. */
export interface MemoryUse {
  readonly by: string;
  readonly afterStart: number;
  readonly afterChanges: number;
  /** Of the process itself. */
  readonly peak: number;
  /** Of the biggest process that it started. */
  readonly peakOfChild: number;
  /** Of the process and all that it started, at one time. */
  readonly peakOfAll: number;
}

/** Resident memory of the process itself during a long stream of changes. */
export interface Churn {
  readonly by: string;
  readonly changes: number;
  readonly minutes: number;
  /** MB, every few seconds. */
  readonly resident: readonly number[];
  /** MB, a while after the last change. */
  readonly atRest: number;
  /** ms for each change. */
  readonly cpu: CpuTime;
}

export interface SizeResult {
  readonly services: number;
  readonly endpoints: number;
  /** In all IPv4 tables. */
  readonly rules: number;
  readonly measurements: readonly Measurement[];
  readonly memory: readonly MemoryUse[];
  readonly churn?: Churn;
  readonly notes: readonly string[];
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memory: string;
  readonly kernel: string;
  readonly tool: string;
  readonly node: string;
  /** Load of the last minute when the bench began: others may be at work. */
  readonly load: number;
}

/** What --json writes. */
export interface BenchResult {
  readonly date: string;
  readonly command: string;
  readonly machine: Machine;
  readonly mode: string;
  readonly backend: string;
  /** Changes a second in the steady stream, and for how many seconds. */
  readonly rate: number;
  readonly seconds: number;
  readonly sizes: readonly SizeResult[];
}
