import { canonicalRule } from '../../rules/iptables/rule.ts';
import { parseSave, printSave } from '../../rules/iptables/save.ts';

/** All tables of one IP family. Never changed: what was taken down once stays comparable. */
export type Tables = ReadonlyMap<string, ReadonlyMap<string, Chain>>;

export interface Chain {
  /** ACCEPT or DROP for the kernel's own chains, "-" for others. */
  readonly policy: string;
  readonly rules: readonly string[];
}

export type RestoreErrorKind =
  /** -D of a rule that is not there. */
  | 'no-such-rule'
  /** A chain is named that does not exist. */
  | 'no-such-chain'
  /** A jump to a chain that does not exist. */
  | 'no-such-target'
  /** -X of a chain that has rules, or that rules lead to. */
  | 'busy'
  /** -I with a number beyond the chain's end. */
  | 'no-such-position'
  /** A line that is none of the grammar. */
  | 'syntax'
  /** The kernel was told to take no such rule. */
  | 'refused';

/** Everything since the last COMMIT is void, as in the kernel. */
export class RestoreError extends Error {
  override readonly name = 'RestoreError';
  readonly kind: RestoreErrorKind;
  /** In the payload, from 1. */
  readonly line: number;
  readonly chain: string;

  constructor(kind: RestoreErrorKind, line: number, chain: string) {
    super(`${kind} in line ${line}, chain ${chain}`);
    this.kind = kind;
    this.line = line;
    this.chain = chain;
  }
}

const BARE_NODE = [
  '*mangle\n:PREROUTING ACCEPT\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\n:POSTROUTING ACCEPT\nCOMMIT\n',
  '*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\nCOMMIT\n',
  '*nat\n:PREROUTING ACCEPT\n:INPUT ACCEPT\n:OUTPUT ACCEPT\n:POSTROUTING ACCEPT\nCOMMIT\n',
].join('');

/** Targets that are no chains. */
const EXTENSIONS = new Set(['ACCEPT', 'DROP', 'RETURN', 'REJECT', 'MARK', 'MASQUERADE', 'DNAT', 'LOG']);

/**
 * The kernel's side of iptables-restore --noflush for one IP family: tables that change at COMMIT or not at all, and
 * refuse what the kernel refuses.
 */
export class IptablesModel {
  #tables: Tables;
  readonly #refuses: (line: string) => boolean;

  /**
   * @param save what is there at the beginning, as iptables-save prints it, besides the kernel's own chains
   * @param refuses lines of a payload that this kernel does not take
   */
  constructor(save = '', refuses: (line: string) => boolean = () => false) {
    this.#tables = tablesOf(BARE_NODE + save);
    this.#refuses = refuses;
  }

  get tables(): Tables {
    return this.#tables;
  }

  save(): string {
    return printTables(this.#tables);
  }

  /** Everything is as iptables-save prints it here from now on: somebody else's hand. */
  overwrite(save: string): void {
    this.#tables = tablesOf(save);
  }

  /**
   * Applies a payload of one COMMIT or more.
   * @returns the tables as they were after each COMMIT
   * @throws RestoreError; what was committed before stays
   */
  restore(payload: string): readonly Tables[] {
    const states: Tables[] = [];
    let open: { readonly table: string; readonly transaction: Transaction } | undefined;
    for (const [i, line] of payload.split('\n').entries()) {
      if (line === '' || line.startsWith('#')) continue;
      if (line.startsWith('*') && !open) {
        const table = line.slice(1);
        open = { table, transaction: new Transaction(this.#tables.get(table) ?? new Map()) };
      } else if (!open || this.#refuses(line)) {
        throw new RestoreError(open ? 'refused' : 'syntax', i + 1, chainOf(line));
      } else if (line === 'COMMIT') {
        this.#tables = new Map([...this.#tables, [open.table, open.transaction.chains]]);
        states.push(this.#tables);
        open = undefined;
      } else {
        open.transaction.execute(line, i + 1);
      }
    }
    return states;
  }
}

/** As iptables-save prints them. */
export function printTables(tables: Tables): string {
  return printSave(
    [...tables].map(([table, chains]) => ({
      table,
      chains: new Map(
        [...chains].map(([name, { policy, rules }]) => [name, { policy, rules: [...rules] }] as const),
      ),
    })),
  );
}

/** The tables of an iptables-save output. */
export function tablesOf(save: string): Tables {
  const tables = new Map<string, Map<string, Chain>>();
  for (const { table, chains } of parseSave(save)) {
    const known = tables.get(table) ?? new Map<string, Chain>();
    for (const [name, chain] of chains) known.set(name, chain);
    tables.set(table, known);
  }
  return tables;
}

/** The chain or extension that a rule leads to; undefined for a rule without target. */
export function targetOf(rule: string): string | undefined {
  return /(?:^| )-[jg] (\S+)/.exec(rule.replace(/"[^"]*"/g, '""'))?.[1];
}

/** One table between its first line and its COMMIT. */
class Transaction {
  readonly chains: Map<string, Chain>;

  constructor(chains: ReadonlyMap<string, Chain>) {
    this.chains = new Map(chains);
  }

  execute(line: string, number: number): void {
    const [verb = '', name = ''] = line.split(' ', 2);
    const rest = line.slice(verb.length + name.length + 2);
    const error = (kind: RestoreErrorKind) => new RestoreError(kind, number, name);
    if (verb.startsWith(':')) {
      this.#declare(verb.slice(1), name);
      return;
    }
    const chain = this.chains.get(name);
    if (!chain) throw error(verb === '-D' ? 'no-such-rule' : 'no-such-chain');
    const { policy, rules } = chain;
    switch (verb) {
      case '-A':
        if (!this.#hasTarget(rest)) throw error('no-such-target');
        this.chains.set(name, { policy, rules: [...rules, rest] });
        break;
      case '-I': {
        const [, position = '1', rule = ''] = /^(?:(\d+) )?(.*)$/.exec(rest) ?? [];
        if (Number(position) > rules.length + 1) throw error('no-such-position');
        if (!this.#hasTarget(rule)) throw error('no-such-target');
        this.chains.set(name, { policy, rules: rules.toSpliced(Number(position) - 1, 0, rule) });
        break;
      }
      case '-D': {
        const wanted = spelled(rest);
        const at = rules.findIndex((rule) => rule === rest || spelled(rule) === wanted);
        if (at < 0) throw error('no-such-rule');
        this.chains.set(name, { policy, rules: rules.toSpliced(at, 1) });
        break;
      }
      case '-X':
        if (policy !== '-' || rules.length > 0 || this.#isLedTo(name)) throw error('busy');
        this.chains.delete(name);
        break;
      default:
        throw error('syntax');
    }
  }

  /** With --noflush a chain that is there is emptied, unless it is the kernel's own. */
  #declare(name: string, policy: string): void {
    const known = this.chains.get(name);
    const builtin = known !== undefined && known.policy !== '-';
    this.chains.set(name, builtin ? { policy, rules: known.rules } : { policy: '-', rules: [] });
  }

  #hasTarget(rule: string): boolean {
    const target = targetOf(rule);
    return target === undefined || EXTENSIONS.has(target) || this.chains.has(target);
  }

  #isLedTo(name: string): boolean {
    return [...this.chains.values()].some(({ rules }) => rules.some((rule) => targetOf(rule) === name));
  }
}

function spelled(rule: string): string {
  return canonicalRule(rule) ?? rule;
}

function chainOf(line: string): string {
  return line.startsWith(':') ? (line.slice(1).split(' ')[0] ?? '') : (line.split(' ')[1] ?? '');
}
