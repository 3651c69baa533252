import { parseSave, printSave, type SavedTable } from '../../../rules/iptables/save.ts';
import type { Ledger } from '../../../rules/ipvs/adopt.ts';
import { adopt } from '../../../rules/ipvs/adopt.ts';
import type { Section } from '../../../rules/ipvs/payload.ts';
import { parseIpset, parseIpvsadm } from '../../../rules/ipvs/saved.ts';
import type { Address, Cidr, Family } from '../../../rules/model.ts';

/** What ipvsadm, ipset, ip and iptables-restore make of their input, as strict as the kernel is. */
export class Kernel {
  readonly #virtuals = new Map<string, { options: string; reals: Map<string, string> }>();
  readonly #sets = new Map<string, { definition: string; entries: Set<string> }>();
  readonly #addresses = new Set<string>();
  readonly #tables = new Map<string, Map<string, { policy: string; rules: string[] }>>(
    Object.entries(BUILTIN).map(([table, chains]) => [
      table,
      new Map(chains.map((name) => [name, { policy: 'ACCEPT', rules: [] }])),
    ]),
  );

  apply({ tool, text }: Pick<Section, 'tool' | 'text'>): void {
    for (const line of text.split('\n').filter(Boolean)) {
      if (tool === 'ipset') this.#ipset(line);
      else if (tool === 'ip') this.#ip(line);
      else if (tool === 'ipvsadm') this.#ipvsadm(line);
    }
    if (tool === 'iptables') this.#iptables(text);
  }

  get ipvsadm(): string {
    return [...this.#virtuals]
      .flatMap(([service, { options, reals }]) => [
        `-A ${service} ${options}\n`,
        ...[...reals].map(([server, rest]) => `-a ${service} -r ${server} ${rest}\n`),
      ])
      .join('');
  }

  get ipset(): string {
    return [...this.#sets]
      .flatMap(([name, { definition, entries }]) => [
        `create ${name} ${definition}\n`,
        ...[...entries].map((entry) => `add ${name} ${entry}\n`),
      ])
      .join('');
  }

  get addresses(): readonly Address[] {
    return [...this.#addresses] as Address[];
  }

  get save(): string {
    return printSave([...this.#tables].map(([table, chains]) => ({ table, chains })));
  }

  hasEntry(set: string, entry: string): boolean {
    return this.#sets.get(set)?.entries.has(entry) ?? false;
  }

  hasVirtual(service: string): boolean {
    return this.#virtuals.has(service);
  }

  adopt(family: Family, excluded: readonly Cidr[] = []): Ledger {
    const tables: SavedTable[] = parseSave(this.save);
    const virtuals = parseIpvsadm(this.ipvsadm);
    return adopt(
      { virtuals, sets: parseIpset(this.ipset), addresses: this.addresses, tables },
      family,
      excluded,
    );
  }

  #ipset(line: string): void {
    const [command = '', name = '', ...rest] = line.split(' ');
    const set = this.#sets.get(name);
    if (command === 'create') {
      check(!set, line);
      this.#sets.set(name, { definition: rest.join(' '), entries: new Set() });
    } else if (command === 'add') {
      check(set !== undefined && !set.entries.has(rest.join(' ')), line);
      set?.entries.add(rest.join(' '));
    } else {
      check(command === 'del' && set?.entries.delete(rest.join(' ')) === true, line);
    }
  }

  #ip(line: string): void {
    const [, command, address = ''] =
      /^address (replace|delete) (\S+) dev kube-ipvs0$/.exec(line) ?? fail(line);
    if (command === 'replace') this.#addresses.add(address);
    else check(this.#addresses.delete(address), line);
  }

  #ipvsadm(line: string): void {
    const [, command, service = '', rest = ''] = /^-(\w) (\S+ \S+) ?(.*)$/.exec(line) ?? fail(line);
    const virtual = this.#virtuals.get(service);
    const [, server = '', weight = ''] = /^-r (\S+) ?(.*)$/.exec(rest) ?? [];
    check((virtual === undefined) === (command === 'A'), line);
    switch (command) {
      case 'A':
        this.#virtuals.set(service, { options: rest, reals: new Map() });
        break;
      case 'E':
        if (virtual) virtual.options = rest;
        break;
      case 'D':
        this.#virtuals.delete(service);
        break;
      case 'a':
      case 'e':
        check(virtual?.reals.has(server) === (command === 'e'), line);
        virtual?.reals.set(server, weight);
        break;
      default:
        check(command === 'd' && virtual?.reals.delete(server) === true, line);
    }
  }

  #iptables(text: string): void {
    let chains = new Map<string, { policy: string; rules: string[] }>();
    for (const line of text.split('\n').filter(Boolean)) {
      const [, command, chain = '', rule = ''] = /^-([AIDX]) (\S+) ?(.*)$/.exec(line) ?? [];
      const rules = chains.get(chain)?.rules;
      if (line.startsWith('*')) chains = this.#tables.get(line.slice(1)) ?? fail(line);
      else if (line.startsWith(':'))
        chains.set(line.slice(1).split(' ')[0] ?? '', { policy: '-', rules: [] });
      else if (command === 'A') (rules ?? fail(line)).push(rule);
      else if (command === 'I') (rules ?? fail(line)).unshift(rule);
      else if (command === 'D')
        check(rules?.includes(rule) === true && !!rules.splice(rules.indexOf(rule), 1), line);
      else check(line === 'COMMIT', line);
      for (const [, set = ''] of line.matchAll(/--match-set (\S+)/g)) check(this.#sets.has(set), line);
    }
  }
}

const BUILTIN = {
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
};

function check(condition: boolean, line: string): void {
  if (!condition) fail(line);
}

function fail(line: string): never {
  throw new Error(`the kernel refuses: ${line}`);
}
