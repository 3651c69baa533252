import type { Ruleset } from '../fragment.ts';
import type { Family } from '../model.ts';
import { FAMILIES } from '../model.ts';
import { printAddresses, printIpset, printIptables, printIpvsadm } from './print.ts';

/** What a node should have, as one of its tools prints it. */
export interface ToolOutput {
  readonly tool: string;
  /** Relative path of the file that holds it. */
  readonly file: string;
  readonly text: string;
}

/** All that is programmed in ipvs mode. The families share tools, but for iptables. */
export function printIpvsMode(rulesets: ReadonlyMap<Family, Ruleset>): readonly ToolOutput[] {
  const all = [...rulesets.values()];
  return [
    { tool: 'ipvsadm', file: 'ipvs/ipvsadm.txt', text: printIpvsadm(all) },
    { tool: 'ipset', file: 'ipvs/ipset.txt', text: printIpset(all) },
    { tool: 'addresses', file: 'ipvs/addresses.txt', text: printAddresses(all) },
    ...FAMILIES.flatMap((family) => {
      const ruleset = rulesets.get(family);
      const tool = family === 'ipv6' ? 'ip6tables-save' : 'iptables-save';
      return ruleset ? [{ tool, file: `ipvs/${tool}.txt`, text: printIptables(ruleset) }] : [];
    }),
  ];
}
