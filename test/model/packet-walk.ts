import { cidrContains, isLoopback, parseAddress, parseCidr } from '../../rules/address.ts';
import { type Match, type Option, parseRule, type Rule } from '../../rules/iptables/rule.ts';
import type { Address, Protocol } from '../../rules/model.ts';
import type { Tables } from './iptables.ts';

/** The first packet of a connection. */
export interface Packet {
  readonly source: Address;
  readonly destination: Address;
  readonly protocol: Protocol;
  readonly port: number;
  /** The interface by which it reaches the node; undefined: a process of the node itself sends it. */
  readonly from: string | undefined;
}

/** A packet on its way, with what rules did to it. */
interface State {
  readonly destination: Address;
  readonly port: number;
  readonly translated: boolean;
  readonly masqueraded: boolean;
  readonly mark: number;
}

type Verdict = 'ACCEPT' | 'DROP' | 'REJECT' | 'RETURN';

interface End {
  readonly verdict: Verdict;
  readonly state: State;
}

/** Sends packets through tables. */
export class PacketWalk {
  readonly #isLocal: (address: Address) => boolean;
  readonly #rules = new Map<string, Rule>();
  readonly #contains = new Map<string, boolean>();

  /** @param localAddresses of the node's interfaces */
  constructor(localAddresses: readonly Address[]) {
    const local = new Set(localAddresses);
    this.#isLocal = (address) => local.has(address) || isLoopback(address);
  }

  /**
   * All that can become of the packet, whatever chance and memory (session affinity) decide:
   * `10.244.0.5:8080` where it was sent on to this endpoint, `pass` where no rule cared for it, either with
   * ` masqueraded` behind it, or `REJECT` or `DROP`.
   */
  outcomes(tables: Tables, packet: Packet): ReadonlySet<string> {
    const found = new Set<string>();
    const start: State = {
      destination: packet.destination,
      port: packet.port,
      translated: false,
      masqueraded: false,
      mark: 0,
    };
    const first = packet.from === undefined ? 'OUTPUT' : 'PREROUTING';
    for (const { state } of this.#hook(tables, 'nat', first, packet, start)) {
      for (const outcome of this.#afterTranslation(tables, packet, state)) found.add(outcome);
    }
    return found;
  }

  *#afterTranslation(tables: Tables, packet: Packet, state: State): Iterable<string> {
    const delivered = this.#isLocal(state.destination);
    const own = packet.from === undefined;
    const filters = [
      own ? 'OUTPUT' : delivered ? 'INPUT' : 'FORWARD',
      ...(own && delivered ? ['INPUT'] : []),
    ];
    let states = [state];
    for (const filter of filters) {
      const ends = states.flatMap((each) => [...this.#hook(tables, 'filter', filter, packet, each)]);
      for (const { verdict } of ends) if (verdict !== 'ACCEPT') yield verdict;
      states = ends.filter(({ verdict }) => verdict === 'ACCEPT').map((end) => end.state);
    }
    for (const each of states) {
      const ends =
        own || !delivered ? this.#hook(tables, 'nat', 'POSTROUTING', packet, each) : [{ state: each }];
      for (const end of ends) yield outcomeText(end.state);
    }
  }

  *#hook(tables: Tables, table: string, chain: string, packet: Packet, state: State): Iterable<End> {
    const policy = tables.get(table)?.get(chain)?.policy === 'DROP' ? 'DROP' : 'ACCEPT';
    for (const end of this.#walk(tables, table, chain, packet, state, 0)) {
      yield end.verdict === 'RETURN' ? { verdict: policy, state: end.state } : end;
    }
  }

  /** Every way through the rest of a chain, from a rule on. */
  *#walk(
    tables: Tables,
    table: string,
    chain: string,
    packet: Packet,
    state: State,
    from: number,
  ): Iterable<End> {
    const rules = tables.get(table)?.get(chain)?.rules;
    if (!rules) throw new Error(`a rule of table ${table} leads to ${chain}, which does not exist`);
    for (let i = from; i < rules.length; i++) {
      const rule = this.#rule(rules[i] ?? '');
      const fits = this.#fits(rule, packet, state);
      if (fits === 'no' || rule.target === undefined) continue;
      for (const end of this.#jump(tables, table, rule.target, packet, state)) {
        if (end.verdict !== 'RETURN' || rule.target.name === 'RETURN') yield end;
        else yield* this.#walk(tables, table, chain, packet, end.state, i + 1);
      }
      if (fits === 'yes') return;
    }
    yield { verdict: 'RETURN', state };
  }

  /** Where a target leads. RETURN of another target than RETURN: on with the next rule. */
  *#jump(
    tables: Tables,
    table: string,
    { name, options }: NonNullable<Rule['target']>,
    packet: Packet,
    state: State,
  ): Iterable<End> {
    switch (name) {
      case 'ACCEPT':
      case 'DROP':
      case 'REJECT':
      case 'RETURN':
        yield { verdict: name, state };
        break;
      case 'MARK': {
        const [value = 0, mask = 0] = (options[0]?.values[0] ?? '').split('/').map(Number);
        yield { verdict: 'RETURN', state: { ...state, mark: ((state.mark & ~mask) ^ value) >>> 0 } };
        break;
      }
      case 'MASQUERADE':
        yield { verdict: 'ACCEPT', state: { ...state, masqueraded: true } };
        break;
      case 'DNAT':
        yield { verdict: 'ACCEPT', state: { ...state, ...endpointOf(options), translated: true } };
        break;
      default:
        yield* this.#walk(tables, table, name, packet, state, 0);
    }
  }

  #fits(rule: Rule, packet: Packet, state: State): 'yes' | 'no' | 'maybe' {
    for (const [name, { value, negated }] of rule.base) {
      const holds = {
        '-s': () => this.#isIn(value, packet.source),
        '-d': () => this.#isIn(value, state.destination),
        '-i': () => isInterface(value, packet.from),
        '-o': () => unknown(`-o ${value}`),
        '-p': () => value === packet.protocol,
      }[name]();
      if (holds === negated) return 'no';
    }
    let chance = false;
    for (const match of rule.matches) {
      const fits = this.#fitsMatch(match, packet, state);
      if (fits === 'no') return 'no';
      if (fits === 'maybe') chance = true;
    }
    return chance ? 'maybe' : 'yes';
  }

  #fitsMatch({ name, options }: Match, packet: Packet, state: State): 'yes' | 'no' | 'maybe' {
    switch (name) {
      case 'comment':
      case 'nfacct':
        return 'yes';
      case 'statistic':
        return 'maybe';
      case 'recent':
        // Setting always succeeds; whether an address is remembered is up to the past.
        return options.some((option) => option.name === '--rcheck') ? 'maybe' : 'yes';
      default:
        return options.every((option) => this.#holds(name, option, packet, state) !== option.negated)
          ? 'yes'
          : 'no';
    }
  }

  #holds(match: string, { name, values: [value = ''] }: Option, packet: Packet, state: State): boolean {
    switch (`${match} ${name}`) {
      case 'tcp --dport':
      case 'udp --dport':
      case 'sctp --dport':
        return Number(value) === state.port;
      case 'mark --mark': {
        const [mark = 0, mask = 0xffffffff] = value.split('/').map(Number);
        return (state.mark & mask) >>> 0 === mark;
      }
      case 'addrtype --dst-type':
        return value === 'LOCAL' ? this.#isLocal(state.destination) : unknown(value);
      case 'addrtype --src-type':
        return value === 'LOCAL' ? this.#isLocal(packet.source) : unknown(value);
      case 'conntrack --ctstate':
        return value.split(',').some((each) => each === 'NEW' || (each === 'DNAT' && state.translated));
      default:
        return unknown(`-m ${match} ${name}`);
    }
  }

  #isIn(network: string, address: Address): boolean {
    const question = `${network} ${address}`;
    const known =
      this.#contains.get(question) ?? cidrContains(parseCidr(network) ?? unknown(network), address);
    this.#contains.set(question, known);
    return known;
  }

  #rule(text: string): Rule {
    const known = this.#rules.get(text) ?? parseRule(text);
    if (!known) throw new Error(`not a rule: ${text}`);
    this.#rules.set(text, known);
    return known;
  }
}

function outcomeText({ destination, port, translated, masqueraded }: State): string {
  const address = destination.includes(':') ? `[${destination}]` : destination;
  return `${translated ? `${address}:${port}` : 'pass'}${masqueraded ? ' masqueraded' : ''}`;
}

function endpointOf(options: readonly Option[]): Pick<State, 'destination' | 'port'> {
  const [, host = '', port = ''] = /^\[?([^\]]+?)\]?:(\d+)$/.exec(options[0]?.values[0] ?? '') ?? [];
  return { destination: parseAddress(host) ?? unknown(host), port: Number(port) };
}

function isInterface(name: string, from: string | undefined): boolean {
  if (from === undefined) return false;
  return name.endsWith('+') ? from.startsWith(name.slice(0, -1)) : from === name;
}

/** A model that guesses proves nothing. */
function unknown(what: string): never {
  throw new Error(`the packet walk does not know ${what}`);
}
