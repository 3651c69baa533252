import type { DumpReader } from './dump.ts';
import { readIptablesSave } from './iptables-save.ts';

/** How each file of a case's `expected/` is read, by its path there. */
export const READERS: ReadonlyMap<string, DumpReader> = new Map([
  ['iptables-save.txt', readIptablesSave],
  ['ip6tables-save.txt', readIptablesSave],
  ['ipvs/iptables-save.txt', readIptablesSave],
  ['ipvs/ip6tables-save.txt', readIptablesSave],
]);
