/** One table of a kernel. Never changed: what was taken down once stays comparable. */
export interface NftTable {
  readonly comment: string;
  readonly chains: ReadonlyMap<string, NftChain>;
  readonly sets: ReadonlyMap<string, NftSet>;
}

export interface NftChain {
  /** `type filter hook input priority filter; policy accept;` of base chains. */
  readonly hook: string | undefined;
  readonly comment: string | undefined;
  readonly rules: readonly string[];
}

export interface NftSet {
  readonly kind: 'set' | 'map';
  /** A line for each property. */
  readonly lines: readonly string[];
  /** By key; what follows the key in a listing. */
  readonly elements: ReadonlyMap<string, string>;
}

export type NftErrorKind = 'missing' | 'exists' | 'busy' | 'syntax' | 'refused';

/** The whole transaction is void, as in the kernel. */
export class NftError extends Error {
  override readonly name = 'NftError';
  readonly kind: NftErrorKind;
  /** In the payload, from 1. */
  readonly line: number;

  constructor(kind: NftErrorKind, line: number) {
    super(`${kind} in line ${line}`);
    this.kind = kind;
    this.line = line;
  }
}

/** The kernel's side of `nft -f`: tables that change by whole transactions or not at all. */
export class NftModel {
  #tables: ReadonlyMap<string, NftTable> = new Map();
  readonly #refuses: (line: string) => boolean;

  /** @param refuses lines of a payload that this kernel does not take */
  constructor(refuses: (line: string) => boolean = () => false) {
    this.#refuses = refuses;
  }

  /** @param name with its family: `ip kube-proxy` */
  table(name: string): NftTable | undefined {
    return this.#tables.get(name);
  }

  /** @throws NftError */
  apply(payload: string): void {
    const transaction = new Transaction(this.#tables);
    for (const [i, line] of payload.split('\n').entries()) {
      if (line === '') continue;
      const kind = this.#refuses(line) ? 'refused' : transaction.execute(line);
      if (kind !== undefined) throw new NftError(kind, i + 1);
    }
    this.#tables = transaction.tables;
  }

  /** As `nft -c`: has a look, and changes nothing. @throws NftError */
  check(payload: string): void {
    const before = this.#tables;
    try {
      this.apply(payload);
    } finally {
      this.#tables = before;
    }
  }

  /** As `nft -s list table`; undefined where there is none. */
  list(name: string): string | undefined {
    const table = this.#tables.get(name);
    if (!table) return undefined;
    const lines = table.comment === '' ? [] : [`\tcomment "${table.comment}"\n`];
    const blocks: string[] = [];
    for (const [set, { kind, lines: properties, elements }] of table.sets) {
      const members = [...elements].map(([key, text]) => (text === '' ? key : `${key} ${text}`));
      const all =
        members.length === 0
          ? properties
          : [...properties, `elements = { ${members.join(`,\n${' '.repeat(13)}`)} }`];
      blocks.push(blockText(`${kind} ${set}`, all));
    }
    for (const [chain, { hook, comment, rules }] of table.chains) {
      const head = [hook, comment].filter((line) => line !== undefined);
      blocks.push(blockText(`chain ${chain}`, [...head, ...rules]));
    }
    return `table ${name} {\n${lines.join('')}${blocks.join('\n')}}\n`;
  }
}

function blockText(head: string, lines: readonly string[]): string {
  return `\t${head} {\n${lines.map((line) => `\t\t${line}\n`).join('')}\t}\n`;
}

class Transaction {
  readonly tables: Map<string, NftTable>;

  constructor(tables: ReadonlyMap<string, NftTable>) {
    this.tables = new Map(tables);
  }

  execute(line: string): NftErrorKind | undefined {
    const [, verb, kind, table = '', rest = ''] = /^(\w+) (\w+) (ip6? \S+) ?(.*)$/.exec(line) ?? [];
    const known = this.tables.get(table);
    if (kind === 'table') return this.#table(verb, table, rest);
    if (!known) return kind === undefined ? 'syntax' : 'missing';
    const [, name = '', body = ''] = /^(\S+) ?(.*)$/.exec(rest) ?? [];
    switch (`${verb} ${kind}`) {
      case 'add chain':
        return this.#addChain(table, known, name, body);
      case 'flush chain':
        return this.#changeChain(table, known, name, (chain) => ({ ...chain, rules: [] }));
      case 'delete chain':
        if (!known.chains.has(name)) return 'missing';
        if (refersTo(known, name)) return 'busy';
        this.#put(table, { ...known, chains: without(known.chains, name) });
        return undefined;
      case 'add rule':
        if (!targetsExist(known, body) || !hasPlace(known, name, body)) return 'missing';
        return this.#changeChain(table, known, name, (chain) => ({
          ...chain,
          rules: [...chain.rules, withoutDoubles(body)],
        }));
      case 'add set':
      case 'add map':
        return this.#addSet(table, known, name, {
          kind: kind as 'set',
          lines: propertiesOf(body),
          elements: new Map(),
        });
      case 'delete set':
      case 'delete map':
        if (known.sets.get(name)?.kind !== kind) return 'missing';
        if ([...known.chains.values()].some(({ rules }) => rules.some((rule) => uses(rule, name))))
          return 'busy';
        this.#put(table, { ...known, sets: without(known.sets, name) });
        return undefined;
      case 'add element':
      case 'delete element':
        return this.#element(verb, table, known, name, body);
      default:
        return 'syntax';
    }
  }

  #table(verb: string | undefined, table: string, body: string): NftErrorKind | undefined {
    const known = this.tables.get(table);
    if (verb === 'delete') {
      if (!known) return 'missing';
      this.tables.delete(table);
      return undefined;
    }
    if (verb !== 'add') return 'syntax';
    const comment = /comment "([^"]*)"/.exec(body)?.[1] ?? '';
    if (!known) this.#put(table, { comment, chains: new Map(), sets: new Map() });
    return undefined;
  }

  #addChain(table: string, known: NftTable, name: string, body: string): NftErrorKind | undefined {
    const hook = /type [^;]* hook [^;]*;(?: policy \w+;)?/.exec(body)?.[0];
    const comment = /comment "[^"]*"/.exec(body)?.[0];
    const chain = known.chains.get(name);
    if (chain) return chain.hook === hook ? undefined : 'exists';
    const chains = new Map(known.chains).set(name, { hook, comment, rules: [] });
    this.#put(table, { ...known, chains });
    return undefined;
  }

  #changeChain(
    table: string,
    known: NftTable,
    name: string,
    change: (chain: NftChain) => NftChain,
  ): NftErrorKind | undefined {
    const chain = known.chains.get(name);
    if (!chain) return 'missing';
    this.#put(table, { ...known, chains: new Map(known.chains).set(name, change(chain)) });
    return undefined;
  }

  #addSet(table: string, known: NftTable, name: string, set: NftSet): NftErrorKind | undefined {
    const before = known.sets.get(name);
    if (before) return before.lines.join('\n') === set.lines.join('\n') ? undefined : 'exists';
    this.#put(table, { ...known, sets: new Map(known.sets).set(name, set) });
    return undefined;
  }

  #element(
    verb: string | undefined,
    table: string,
    known: NftTable,
    name: string,
    body: string,
  ): NftErrorKind | undefined {
    const set = known.sets.get(name);
    const [, key = '', text = ''] = /^\{ (.+?)(?: ((?:comment "|: ).*))? \}$/.exec(body) ?? [];
    if (!set || !targetsExist(known, text)) return 'missing';
    const before = set.elements.get(key);
    if (verb === 'delete' && before === undefined) return 'missing';
    if (verb === 'add' && before !== undefined)
      return verdictOf(before) === verdictOf(text) ? undefined : 'exists';
    const elements = verb === 'add' ? new Map(set.elements).set(key, text) : without(set.elements, key);
    this.#put(table, { ...known, sets: new Map(known.sets).set(name, { ...set, elements }) });
    return undefined;
  }

  #put(name: string, table: NftTable): void {
    this.tables.set(name, table);
  }
}

function without<T>(map: ReadonlyMap<string, T>, key: string): Map<string, T> {
  const copy = new Map(map);
  copy.delete(key);
  return copy;
}

function propertiesOf(body: string): string[] {
  const inner = body.replace(/^\{ /, '').replace(/ \}$/, '');
  return (inner.match(/(?:"[^"]*"|[^";])+/g) ?? []).map((line) => line.trim()).filter((line) => line !== '');
}

function verdictOf(text: string): string {
  return text.replace(/^comment "[^"]*" /, '');
}

/** A set of one value that is written twice holds it once. */
function withoutDoubles(rule: string): string {
  return rule.replace(/ \{ ([^\s{},]+), \1 \} /, ' { $1 } ');
}

/** `index 2 accept`: behind the third rule. */
function hasPlace(table: NftTable, chain: string, body: string): boolean {
  const index = /^index (\d+) /.exec(body)?.[1];
  return index === undefined || Number(index) < (table.chains.get(chain)?.rules.length ?? 0);
}

function targets(text: string): string[] {
  return [...text.matchAll(/\b(?:goto|jump) ([^\s,}]+)/g)].map(([, name = '']) => name);
}

function setsOf(text: string): string[] {
  return [...text.matchAll(/@([^\s,}]+)/g)].map(([, name = '']) => name);
}

function uses(rule: string, set: string): boolean {
  return setsOf(withoutComment(rule)).includes(set);
}

function withoutComment(text: string): string {
  return text.replace(/comment "[^"]*"/, '');
}

function targetsExist(table: NftTable, text: string): boolean {
  const bare = withoutComment(text);
  return (
    targets(bare).every((name) => table.chains.has(name)) &&
    setsOf(bare).every((name) => table.sets.has(name))
  );
}

function refersTo(table: NftTable, chain: string): boolean {
  const texts = [
    ...[...table.chains].flatMap(([name, { rules }]) => (name === chain ? [] : rules)),
    ...[...table.sets.values()].flatMap(({ elements }) => [...elements.values()]),
  ];
  return texts.some((text) => targets(withoutComment(text)).includes(chain));
}
