import type { Family } from '../model.ts';
import { chainBody } from './equality.ts';
import { TABLE } from './names.ts';
import { linesOf, parseKey, TABLE_KEY } from './objects.ts';

/** The input of `nft -f` for one transaction, which the kernel takes whole or not at all. */
export interface Section {
  readonly text: string;
  /** Commands. */
  readonly lines: number;
  /** What the ledger holds after this transaction: key to text, undefined for what is gone. */
  readonly changes: ReadonlyMap<string, string | undefined>;
}

export const TABLE_COMMENT = 'rules for kube-proxy';

/**
 * Collects the changes of one transaction in any order, and prints them in the one order that is right: what is
 * pointed at comes before what points at it, and goes after it.
 */
export class SectionBuilder {
  readonly #table: string;
  readonly #started: string[] = [];
  readonly #elementsGone: string[] = [];
  readonly #flushed: string[] = [];
  readonly #chainsGone: string[] = [];
  readonly #setsGone: string[] = [];
  readonly #sets: string[] = [];
  readonly #chains: string[] = [];
  readonly #rules: string[] = [];
  readonly #elements: string[] = [];
  readonly #changes = new Map<string, string | undefined>();

  constructor(family: Family) {
    this.#table = `${family === 'ipv6' ? 'ip6' : 'ip'} ${TABLE}`;
  }

  /** Commands so far, nearly. */
  get size(): number {
    return (
      this.#elementsGone.length +
      this.#flushed.length +
      this.#setsGone.length +
      this.#chainsGone.length +
      this.#sets.length +
      this.#chains.length +
      this.#rules.length +
      this.#elements.length
    );
  }

  get isEmpty(): boolean {
    return this.#changes.size === 0;
  }

  has(key: string): boolean {
    return this.#changes.has(key);
  }

  /** @param replace takes away whatever table of this name there is */
  addTable(replace = false): void {
    if (replace) this.#started.push(`add table ${this.#table}`, `delete table ${this.#table}`);
    this.#started.push(`add table ${this.#table} { comment "${TABLE_COMMENT}" ; }`);
    this.#changes.set(TABLE_KEY, '');
  }

  /** Takes down that an object is gone, or is there now, without a command of its own. */
  record(key: string, text: string | undefined): void {
    this.#changes.set(key, text);
  }

  /** Adds an object, or changes it from its actual text to the desired one. */
  write(key: string, desired: string, actual: string | undefined): void {
    const { kind, name, element } = parseKey(key);
    this.#changes.set(key, desired);
    if (element !== undefined) {
      if (actual !== undefined) this.#elementsGone.push(this.#element('delete', name, element));
      this.#elements.push(this.#element('add', name, desired === '' ? element : `${element} ${desired}`));
    } else if (kind === 'chain') {
      this.#writeChain(name, desired, actual);
    } else {
      if (actual !== undefined) this.#setsGone.push(`delete ${kind} ${this.#table} ${name}`);
      this.#sets.push(`add ${kind} ${this.#table} ${name} ${bodyText(linesOf(desired))}`);
    }
  }

  /** Takes a chain's rules away: chains that lead to each other may go in any order once they are empty. */
  flush(key: string): void {
    this.#changes.set(key, '');
    this.#flushed.push(`flush chain ${this.#table} ${parseKey(key).name}`);
  }

  delete(key: string): void {
    const { kind, name, element } = parseKey(key);
    this.#changes.set(key, undefined);
    if (element !== undefined) this.#elementsGone.push(this.#element('delete', name, element));
    else if (kind === 'chain') this.#chainsGone.push(`delete chain ${this.#table} ${name}`);
    else this.#setsGone.push(`delete ${kind} ${this.#table} ${name}`);
  }

  build(): Section {
    const body = [
      ...this.#started,
      ...this.#elementsGone,
      ...this.#flushed,
      ...this.#setsGone,
      ...this.#chainsGone,
      ...this.#sets,
      ...this.#chains,
      ...this.#rules,
      ...this.#elements,
    ];
    return { text: `${body.join('\n')}\n`, lines: body.length, changes: this.#changes };
  }

  #writeChain(name: string, desired: string, actual: string | undefined): void {
    const { hook, comment, rules } = chainBody(desired);
    const known = actual === undefined ? undefined : chainBody(actual);
    if (known) this.#flushed.push(`flush chain ${this.#table} ${name}`);
    // A hook cannot be changed.
    if (known && known.hook !== hook) this.#chainsGone.push(`delete chain ${this.#table} ${name}`);
    if (known?.hook !== hook || !known) {
      const body = [hook, comment].filter((line) => line !== undefined);
      this.#chains.push(`add chain ${this.#table} ${name}${body.length > 0 ? ` ${bodyText(body)}` : ''}`);
    }
    for (const rule of rules) this.#rules.push(`add rule ${this.#table} ${name} ${keepSets(rule)}`);
  }

  #element(verb: 'add' | 'delete', container: string, element: string): string {
    return `${verb} element ${this.#table} ${container} { ${element} }`;
  }
}

/** nft takes a set that is written with one value for that value; one of two equal values stays a set. */
function keepSets(rule: string): string {
  return rule.replace(/ \{ ([^\s{}]+) \} /, ' { $1, $1 } ');
}

/** The key of the object that a line of a payload is about; undefined for the table. */
export function keyOfLine(line: string): string | undefined {
  const [, kind = '', , , name = '', ...rest] = line.split(' ');
  switch (kind) {
    case 'rule':
      return `chain ${name}`;
    case 'chain':
    case 'set':
    case 'map':
      return `${kind} ${name}`;
    case 'element': {
      const member = rest.join(' ').slice(2, -2);
      const end = member.search(/ (?:comment "|: )/);
      return `element ${name} ${end < 0 ? member : member.slice(0, end)}`;
    }
    default:
      return undefined;
  }
}

function bodyText(lines: readonly string[]): string {
  return `{ ${lines.map((line) => (line.endsWith(';') ? line : `${line} ;`)).join(' ')} }`;
}
