import type { Size } from './kernel-state.ts';

/** Rules of all tables in the output of iptables-save. */
export function countRules(save: string): number {
  return rulesOf(save).length;
}

/** How big the nat table is when these rules are in the kernel. */
export function natSize(save: string): Size {
  const table = /^\*nat\n(.*?)^COMMIT$/ms.exec(save)?.[1] ?? '';
  const lines = table.split('\n');
  const rules = lines.filter((line) => line.startsWith('-A ')).length;
  const chains = lines.filter((line) => line.startsWith(':') && line.includes(' - ')).length;
  // Four chains of the kernel's own with a policy each, a head and an end for each other chain, the table's end.
  return { rules, entries: 4 + 2 * chains + 1 + rules };
}

/** Rules that are in one of the two only: what somebody programmed otherwise than expected. */
export function differingRules(a: string, b: string): readonly string[] {
  const [inA, inB] = [new Set(rulesOf(a)), new Set(rulesOf(b))];
  return [...[...inA].filter((rule) => !inB.has(rule)), ...[...inB].filter((rule) => !inA.has(rule))];
}

function rulesOf(save: string): readonly string[] {
  return save.split('\n').flatMap((line) => (line.startsWith('-A ') ? [line.trimEnd()] : []));
}
