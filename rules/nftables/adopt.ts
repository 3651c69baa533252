import type { Fragment } from '../fragment.ts';
import { TABLE_KEY } from './objects.ts';

/** What is believed to be in the kernel, as objects: key to text. See objects.ts for the keys. */
export type Ledger = Map<string, string>;

/** The text of a table that can only be replaced as a whole. No compiled text equals it. */
export const DRIFT = '\0drift';

/**
 * Reads our table into a ledger, from what `nft -s list table` prints. All that is in the table is ours, whoever has
 * put it there; only kinds of objects that Fairlead never makes (counters, flowtables …) are left alone. What sets
 * with a timeout hold is the kernel's own.
 */
export function adoptTable(listing: string): Ledger {
  const ledger: Ledger = new Map();
  let block: Block | undefined;
  for (const raw of listing.split('\n')) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    if (block === undefined) {
      if (line.startsWith('table ')) ledger.set(TABLE_KEY, '');
      else if (isTableFlags(line)) ledger.set(TABLE_KEY, DRIFT);
      else block = blockOf(line);
    } else if (line === '}' && block.elements === undefined) {
      takeBlock(ledger, block);
      block = undefined;
    } else {
      takeLine(block, line);
    }
  }
  return ledger;
}

/** The table's own comment; undefined where it has none. */
export function tableComment(listing: string): string | undefined {
  return /^table \S+ \S+ \{[^\n]*\n(?:\s*flags [^\n]*\n)?\s*comment "([^"\n]*)"/m.exec(listing)?.[1];
}

/**
 * What the ledger has in place of this fragment: the objects of the same keys as they are there, and the chains and
 * sets that they lead to.
 */
export function programmedFragment(fragment: Fragment, ledger: Ledger): Fragment {
  const found = new Map<string, string>();
  const collect = (key: string): void => {
    const text = ledger.get(key);
    if (text === undefined || found.has(key)) return;
    found.set(key, text);
    for (const [, chain] of text.matchAll(/\b(?:goto|jump) ([^\s,}]+)/g)) collect(`chain ${chain}`);
    for (const [, set] of text.matchAll(/@(affinity-[^\s,}]+)/g)) collect(`set ${set}`);
  };
  for (const { key } of fragment) collect(key);
  return [...found].map(([key, text]) => ({ key, text }));
}

/** The match of a mark of the highest bit. */
export const HIGHEST_BIT = ['meta mark != 0x00000000/1 ', 'meta mark & 0x80000000 != 0x00000000 '] as const;

/**
 * How nft prints what compilers spell in another way: a mask that begins with the highest bit as a network, and in
 * newer versions (1.1.3) priorities of the output hook by name.
 */
const SPELLINGS: readonly (readonly [printed: string, canonical: string])[] = [
  HIGHEST_BIT,
  ['type filter hook output priority dstnat - 10;', 'type filter hook output priority -110;'],
  ['type nat hook output priority dstnat;', 'type nat hook output priority -100;'],
];

interface Block {
  readonly kind: string;
  readonly name: string;
  readonly lines: string[];
  /** The elements so far, while they are being read. */
  elements: string | undefined;
  members?: string;
}

function blockOf(line: string): Block | undefined {
  const [, kind, name] = /^(\S+) (.+) \{$/.exec(line) ?? [];
  return kind === undefined || name === undefined
    ? undefined
    : { kind, name, lines: [], elements: undefined };
}

/** `dormant` switches the whole table off, `owner` gives it to another process. */
function isTableFlags(line: string): boolean {
  return line.startsWith('flags ');
}

function takeLine(block: Block, line: string): void {
  const begun = line.startsWith('elements = {');
  if (!begun && block.elements === undefined) {
    // Newer versions tell how many elements there are.
    block.lines.push(block.kind === 'chain' ? canonicalRule(line) : line.replace(/\s+# count .*$/, ''));
    return;
  }
  block.elements = begun ? line.slice('elements = {'.length) : `${block.elements} ${line}`;
  if (!line.endsWith('}')) return;
  block.members = block.elements.slice(0, -1);
  block.elements = undefined;
}

function canonicalRule(line: string): string {
  const known = SPELLINGS.find(([printed]) => line.startsWith(printed));
  return known ? `${known[1]}${line.slice(known[0].length)}` : line;
}

function takeBlock(ledger: Ledger, { kind, name, lines, members = '' }: Block): void {
  if (kind !== 'chain' && kind !== 'set' && kind !== 'map') return;
  ledger.set(`${kind} ${name}`, lines.join('\n'));
  if (lines.some((line) => line.startsWith('flags ') && line.includes('timeout'))) return;
  for (const member of splitElements(members)) {
    const end = member.search(/ (?:comment "|: )/);
    const element = end < 0 ? member : member.slice(0, end);
    ledger.set(`element ${name} ${element}`, end < 0 ? '' : member.slice(end + 1));
  }
}

/** At commas, but for those in comments. */
function splitElements(members: string): readonly string[] {
  const parts = members.includes('"') ? (members.match(/(?:"[^"]*"|[^",])+/g) ?? []) : members.split(',');
  return parts.map((part) => part.trim()).filter((part) => part !== '');
}
