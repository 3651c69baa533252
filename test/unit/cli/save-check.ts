import { canonicalRule, parseRule } from '../../../rules/iptables/rule.ts';
import { parseSave } from '../../../rules/iptables/save.ts';

const TARGETS = new Set(['ACCEPT', 'DROP', 'REJECT', 'RETURN', 'MARK', 'MASQUERADE', 'DNAT']);
const LINES = [
  /^\*(mangle|filter|nat)$/,
  /^:[A-Z0-9-]+ (-|ACCEPT) \[0:0\]$/,
  /^-A [A-Z0-9-]+ [\x20-\x7e]+$/,
  /^COMMIT$/,
];
/** What names, addresses and numbers are made of, and the base rules' own comments. */
const COMMENT = /^[A-Za-z0-9:/ >.[\];-]+$/;
const WORD = /^[A-Za-z0-9:/.,_[\]+-]+$/;

/**
 * What is wrong with the text as one that iptables-restore is to take: lines out of its grammar, rules that are not
 * spelled as iptables-save prints them, characters that nothing in a rule has, jumps to chains that are not there.
 */
export function flawsOf(text: string): readonly string[] {
  const flaws = text
    .split('\n')
    .filter((line) => line !== '' && !LINES.some((pattern) => pattern.test(line)))
    .map((line) => `no line of iptables-save: ${JSON.stringify(line)}`);
  for (const { table, chains } of parseSave(text)) {
    for (const [chain, { rules }] of chains) {
      for (const rule of rules) {
        for (const flaw of flawsOfRule(rule, new Set(chains.keys()))) {
          flaws.push(`${flaw}: ${table} -A ${chain} ${JSON.stringify(rule)}`);
        }
      }
    }
  }
  return flaws;
}

function flawsOfRule(text: string, chains: ReadonlySet<string>): readonly string[] {
  const rule = parseRule(text);
  if (!rule) return ['does not parse'];
  const flaws: string[] = [];
  if (canonicalRule(text) !== text) flaws.push('is not canonical');
  const { target, base, matches } = rule;
  if (target && !TARGETS.has(target.name) && !chains.has(target.name)) flaws.push('jumps to nowhere');
  for (const { value } of base.values()) if (!WORD.test(value)) flaws.push('odd address or protocol');
  for (const { name, values } of [...matches, ...(target ? [target] : [])].flatMap(
    ({ options }) => options,
  )) {
    const allowed = name === '--comment' ? COMMENT : WORD;
    if (!values.every((value) => allowed.test(value))) flaws.push(`odd ${name}`);
  }
  return flaws;
}
