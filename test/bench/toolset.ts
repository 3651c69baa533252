import type { Backend } from '../lab/suite.ts';
import { iptablesToolset } from './iptables-toolset.ts';
import type { Size } from './kernel-state.ts';
import { nftablesToolset } from './nftables-toolset.ts';
import type { Signs } from './signs.ts';

/** What can be watched from outside, transaction by transaction. ipvs mode is measured by ipvs-bench.ts. */
export type BenchMode = 'iptables' | 'nftables';

/** What there is to know of a mode: the tools that it starts, and what its IPv4 rules look like. */
export interface Toolset {
  readonly backend: Backend;
  /** The table that all Services are in, as the kernel watch calls it. */
  readonly table: string;
  readonly signs: Signs;
  /** The command that prints a tool's version. */
  readonly version: readonly string[];
  /** The command that prints all rules. Reading them is the least that a restart can do. */
  readonly list: readonly string[];
  /** The name of the tool that takes payloads. */
  readonly restore: string;
  /** The command that applies a payload, which it reads. @param tool as it was recorded */
  apply(tool: string): readonly string[];
  /** How big the table is that holds these rules. @param rules as `list` prints them */
  size(rules: string): Size;
  count(rules: string): number;
  /** What is in one of the two only. */
  differences(expected: string, actual: string): readonly string[];
}

/** @param backend what iptables' commands program; nftables mode has nothing to choose from */
export function toolsetOf(mode: BenchMode, backend: Backend): Toolset {
  return mode === 'iptables' ? iptablesToolset(backend) : nftablesToolset;
}
