import type { Ruleset } from '../rules/fragment.ts';
import { printRuleset } from '../rules/iptables/print.ts';
import { printIpvsMode } from '../rules/ipvs/sections.ts';
import type { Family } from '../rules/model.ts';
import { printTable } from '../rules/nftables/print.ts';
import type { Mode } from './config/settings.ts';

/** What one tool would print of the rules, or prints of them. */
export interface Section {
  /** As in the comment line before it: `iptables-save`. */
  readonly tool: string;
  /** Relative path in --output-dir. */
  readonly file: string;
  readonly text: string;
}

/** All that the rulesets of a mode's families hold, a section for each tool in the order in which they are printed. */
export function printSections(mode: Mode, rulesets: ReadonlyMap<Family, Ruleset>): readonly Section[] {
  const families = [...rulesets];
  const perFamily = (
    names: Readonly<Record<Family, string>>,
    print: (of: Ruleset, family: Family) => string,
  ) =>
    families.map(([family, ruleset]) => {
      const tool = names[family];
      return { tool, file: `${tool}.txt`, text: print(ruleset, family) };
    });
  switch (mode) {
    case 'iptables':
      return perFamily(SAVE_TOOLS, printRuleset);
    case 'nftables':
      return perFamily({ ipv4: 'nftables', ipv6: 'nftables6' }, printTable);
    case 'ipvs':
      return printIpvsMode(rulesets);
  }
}

const SAVE_TOOLS = { ipv4: 'iptables-save', ipv6: 'ip6tables-save' } as const;
