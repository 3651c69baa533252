import type { Ruleset } from '../fragment.ts';
import type { Family } from '../model.ts';
import { compareText } from '../topology.ts';
import { HIGHEST_BIT } from './adopt.ts';
import { TABLE } from './names.ts';
import { linesOf, parseKey } from './objects.ts';

/** The table as `nft -s list table` prints it. nft loads it, too. */
export function printTable(ruleset: Ruleset, family: Family): string {
  const elements = new Map<string, string[]>();
  const blocks: { readonly kind: string; readonly name: string; readonly text: string }[] = [];
  for (const key of ruleset.keys()) {
    const { kind, name, element } = parseKey(key);
    const text = ruleset.text(key) ?? '';
    if (element === undefined) {
      blocks.push({ kind, name, text });
      continue;
    }
    const list = elements.get(name) ?? [];
    list.push(text === '' ? element : `${element} ${text}`);
    elements.set(name, list);
  }
  // Sets and maps stand before the chains that use them.
  const ordered = [
    ...blocks.filter(({ kind }) => kind !== 'chain'),
    ...blocks.filter(({ kind }) => kind === 'chain'),
  ];
  const body = ordered.map(({ kind, name, text }) => {
    const members = (elements.get(name) ?? []).sort(compareText).join(`,\n${' '.repeat(21)}`);
    const lines = [...linesOf(text), ...(members === '' ? [] : [`elements = { ${members} }`])];
    return `\t${kind} ${name} {\n${lines.map((line) => `\t\t${line}\n`).join('')}\t}\n`;
  });
  const [printed, canonical] = HIGHEST_BIT;
  const comment = '\tcomment "rules for kube-proxy"\n';
  return `table ${family === 'ipv6' ? 'ip6' : 'ip'} ${TABLE} {\n${comment}${body.join('\n').replaceAll(canonical, printed)}}\n`;
}
