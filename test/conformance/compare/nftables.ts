import type { Dump } from './dump.ts';

/**
 * Reads `nft -s list table`, block by block: rules in their order, properties of sets and maps too, elements sorted.
 */
export function readNftTable(text: string): Dump {
  const dump = new Map<string, string[]>();
  let table = '';
  let block: string[] = [];
  let elements: string | undefined;
  for (const line of text.split('\n').map((raw) => raw.trim())) {
    const [, header] = /^((?:table|set|map|chain) .*) \{$/.exec(line) ?? [];
    if (elements !== undefined || line.startsWith('elements = {')) {
      elements = `${elements ?? ''} ${line.replace(/^elements = \{/, '')}`;
      if (!line.endsWith('}')) continue;
      const members = elements.slice(0, -1).split(',');
      block.push(...members.map((member) => `element ${member.trim()}`).sort());
      elements = undefined;
    } else if (header !== undefined) {
      table = header.startsWith('table ') ? header : table;
      block = [];
      dump.set(table === header ? table : `${table} ${header}`, block);
    } else if (line !== '' && line !== '}') {
      block.push(line);
    }
  }
  return dump;
}
