import { cidrContains, isLoopback, numberOf } from '../../rules/address.ts';
import type { Address, Cidr } from '../../rules/model.ts';
import type { NftTable } from './nftables.ts';
import type { Packet } from './packet-walk.ts';

/** A packet on its way, with what rules did to it. */
interface State {
  readonly destination: string;
  readonly port: number;
  readonly translated: boolean;
  readonly masqueraded: boolean;
  readonly mark: number;
}

interface End {
  /** `continue`: nothing has decided. */
  readonly verdict: 'continue' | 'accept' | 'drop' | 'reject';
  readonly state: State;
}

/**
 * All that can become of the first packet of a connection in our table, whatever chance and memory (session affinity)
 * decide: `10.244.0.5:8080` where it was sent on to this endpoint, `pass` where no rule cared for it, either with
 * ` masqueraded` behind it, or `reject` or `drop`.
 */
export function nftOutcomes(
  table: NftTable,
  packet: Packet,
  localAddresses: readonly Address[],
): ReadonlySet<string> {
  const walk = new Walk(table, packet, localAddresses);
  const own = packet.from === undefined;
  const start = {
    destination: packet.destination,
    port: packet.port,
    translated: false,
    masqueraded: false,
    mark: 0,
  };
  const found = new Set<string>();
  const pass = (states: readonly State[], chain: string): readonly State[] =>
    states.flatMap((state) =>
      [...walk.chain(chain, state)].flatMap(({ verdict, state: next }) => {
        if (verdict === 'drop' || verdict === 'reject') found.add(verdict);
        return verdict === 'drop' || verdict === 'reject' ? [] : [next];
      }),
    );
  let states: readonly State[] = pass([start], own ? 'filter-output-pre-dnat' : 'filter-prerouting-pre-dnat');
  states = pass(states, own ? 'nat-output' : 'nat-prerouting');
  for (const state of states) {
    const delivered = walk.isLocal(state.destination);
    let here: readonly State[] = pass(
      [state],
      own ? 'filter-output' : delivered ? 'filter-input' : 'filter-forward',
    );
    if (own && delivered) here = pass(here, 'filter-input');
    if (own || !delivered) here = pass(here, 'nat-postrouting');
    for (const { destination, port, translated, masqueraded } of here) {
      const to = destination.includes(':') ? `[${destination}]:${port}` : `${destination}:${port}`;
      found.add(`${translated ? to : 'pass'}${masqueraded ? ' masqueraded' : ''}`);
    }
  }
  return found;
}

class Walk {
  readonly #table: NftTable;
  readonly #packet: Packet;
  readonly #local: ReadonlySet<string>;

  constructor(table: NftTable, packet: Packet, local: readonly Address[]) {
    this.#table = table;
    this.#packet = packet;
    this.#local = new Set(local);
  }

  isLocal(address: string): boolean {
    return this.#local.has(address) || isLoopback(address as Address);
  }

  /** Every way through a chain. */
  *chain(name: string, state: State): Iterable<End> {
    const rules = this.#table.chains.get(name)?.rules;
    if (!rules) throw new Error(`something leads to chain ${name}, which does not exist`);
    yield* this.#rules(rules, state);
  }

  *#rules(rules: readonly string[], state: State): Iterable<End> {
    const [rule, ...rest] = rules;
    if (rule === undefined) {
      yield { verdict: 'continue', state };
      return;
    }
    for (const end of this.#rule(rule.replace(/ ?comment "[^"]*"/, ''), state)) {
      if (end === 'no match') yield* this.#rules(rest, state);
      else if (end.verdict === 'continue' && !end.final) yield* this.#rules(rest, end.state);
      else yield { verdict: end.verdict, state: end.state };
    }
  }

  *#rule(text: string, before: State): Iterable<(End & { readonly final?: boolean }) | 'no match'> {
    let rest = text;
    let state = before;
    while (rest !== '') {
      const found = STATEMENTS.map(([pattern, kind]) => ({ kind, match: pattern.exec(rest) })).find(
        ({ match }) => match,
      );
      const [whole = '', a = '', b = '', c = ''] = found?.match ?? [];
      if (!found) throw new Error(`a statement that nobody knows: ${rest}`);
      rest = rest.slice(whole.length).trimStart();
      switch (found.kind) {
        case 'nothing':
          break;
        case 'mark':
          state = { ...state, mark: a === '|' ? state.mark | Number(b) : state.mark ^ Number(b) };
          break;
        case 'masquerade':
          state = { ...state, masqueraded: true };
          break;
        case 'marked':
          if ((state.mark & Number(a)) === 0) return yield 'no match';
          break;
        case 'translated':
          if (!state.translated) return yield 'no match';
          break;
        case 'protocol':
          if (a !== this.#packet.protocol) return yield 'no match';
          break;
        case 'local': {
          const address = a === 'daddr' ? state.destination : this.#packet.source;
          if (!this.isLocal(address) && !(a === 'saddr' && this.#packet.from === undefined))
            return yield 'no match';
          break;
        }
        case 'interface': {
          const name = this.#packet.from ?? 'lo';
          const fits = b.endsWith('*') ? name.startsWith(b.slice(0, -1)) : name === b;
          if (fits === (a === '!= ')) return yield 'no match';
          break;
        }
        case 'affinity':
          // Remembered or not: both may be.
          yield 'no match';
          break;
        case 'address': {
          const address = a === 'daddr' ? state.destination : this.#packet.source;
          if (this.#isIn(address, c) === (b === '!= ')) return yield 'no match';
          break;
        }
        case 'hairpin': {
          const key = `${this.#packet.source} . ${state.destination} . ${this.#packet.protocol} . ${state.port}`;
          if (!this.#table.sets.get(a)?.elements.has(key)) return yield 'no match';
          break;
        }
        case 'lookup': {
          const { protocol } = this.#packet;
          const key = `${a === '' ? '' : `${state.destination} . `}${protocol} . ${state.port}`;
          const verdict = this.#table.sets.get(b)?.elements.get(key);
          if (verdict === undefined) return yield 'no match';
          rest = verdict.replace(/^comment "[^"]*" /, '').replace(/^: /, '');
          break;
        }
        case 'random verdict':
          for (const each of b.split(', ')) yield* this.#rule(each.replace(/^\d+ : /, ''), state);
          return;
        case 'random endpoint':
          for (const each of b.split(', ')) {
            const [, address = '', port = ''] = /^\d+ : (\S+) \. (\d+)$/.exec(each) ?? [];
            yield {
              verdict: 'accept',
              state: { ...state, destination: address, port: Number(port), translated: true },
            };
          }
          return;
        case 'endpoint':
          yield {
            verdict: 'accept',
            state: { ...state, destination: a.replace(/[[\]]/g, ''), port: Number(b), translated: true },
          };
          return;
        case 'jump':
          for (const end of this.chain(b, state)) yield { ...end, final: a === 'goto' };
          return;
        case 'verdict':
          yield { verdict: a as 'drop', state };
          return;
      }
    }
    yield { verdict: 'continue', state };
  }

  /** @param values a set's name, a value, or several in braces */
  #isIn(address: string, values: string): boolean {
    if (values.startsWith('@')) return this.#table.sets.get(values.slice(1))?.elements.has(address) ?? false;
    return values
      .replace(/[{}]/g, '')
      .split(',')
      .map((value) => value.trim())
      .some((value) => {
        if (value.includes('/')) return cidrContains(value as Cidr, address as Address);
        const [first, last] = value.split('-');
        if (first !== undefined && last !== undefined) {
          return numberOf(first) <= numberOf(address) && numberOf(address) <= numberOf(last);
        }
        return value === address;
      });
  }
}

type Kind =
  | 'nothing'
  | 'mark'
  | 'masquerade'
  | 'marked'
  | 'translated'
  | 'protocol'
  | 'local'
  | 'interface'
  | 'affinity'
  | 'address'
  | 'hairpin'
  | 'lookup'
  | 'random verdict'
  | 'random endpoint'
  | 'endpoint'
  | 'jump'
  | 'verdict';

const STATEMENTS: readonly (readonly [RegExp, Kind])[] = [
  [/^ct state new/, 'nothing'],
  [/^update @\S+ \{ [^}]* \}/, 'nothing'],
  [/^meta mark set meta mark ([|^]) (\S+)/, 'mark'],
  [/^masquerade(?: fully-random)?/, 'masquerade'],
  [/^meta mark & (\S+) != 0x0+/, 'marked'],
  [/^ct status dnat/, 'translated'],
  [/^(ip6? daddr \. )?meta l4proto \. th dport vmap @(\S+)/, 'lookup'],
  [/^ip6? saddr \. ip6? daddr \. meta l4proto \. th dport @(\S+)/, 'hairpin'],
  [/^meta l4proto (\w+)/, 'protocol'],
  [/^fib ([sd]addr) type local/, 'local'],
  [/^iifname (!= )?"([^"]*)"/, 'interface'],
  [/^ip6? saddr @affinity-\S+/, 'affinity'],
  [/^ip6? ([sd]addr) (!= )?(\{ [^}]* \}|\S+)/, 'address'],
  [/^numgen random mod (\d+) vmap \{ ([^}]*) \}/, 'random verdict'],
  [/^dnat ip6? to numgen random mod (\d+) map \{ ([^}]*) \}/, 'random endpoint'],
  [/^dnat to (\S+):(\d+)/, 'endpoint'],
  [/^(goto|jump) (\S+)/, 'jump'],
  [/^(drop|reject|accept)/, 'verdict'],
];
