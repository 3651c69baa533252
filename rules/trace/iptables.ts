import { parseSave } from '../iptables/save.ts';
import type { InSet } from './ip-sets.ts';
import { Chains } from './iptables-chains.ts';
import type { Surroundings } from './iptables-match.ts';
import { localityOf } from './iptables-values.ts';
import type { Host, Packet } from './packet.ts';
import type { Hook, Trace } from './trace.ts';
import { type Ended, traceOf, type Way, wayOf } from './way.ts';

/** The rules of one IP family, ready for packets. */
export interface IptablesRules {
  readonly chains: Chains;
}

/** @param saveText as iptables-save prints it: all tables of one family, anybody's chains */
export function readIptablesRules(saveText: string): IptablesRules {
  return { chains: new Chains(parseSave(saveText)) };
}

/**
 * All that can become of the first packet of a connection. Takes as many steps as there are rules on its way.
 *
 * What a dump does not tell is assumed, and a step says so: a rule with a match that is not known (or that is about
 * something else than the packet) does not match, a target that is not known does nothing. A client is one that comes
 * for the first time, as far as session affinity and limits go.
 */
export function traceIptables(rules: IptablesRules, packet: Packet, host: Host): Trace {
  const isLocal = localityOf(host.localAddresses);
  const course = new Course(
    rules.chains,
    surroundingsOf(packet, host, isLocal, () => undefined),
  );
  if (packet.from === undefined) {
    course.through('OUTPUT', 'raw', 'mangle', 'nat', 'filter');
    course.split((way) => isLocal(way.destination), arrival, departure);
  } else {
    course.through('PREROUTING', 'raw', 'mangle', 'nat');
    course.split((way) => isLocal(way.destination), delivery, forwarding);
  }
  return traceOf(packet, course.end());
}

/** Packets for the node itself. */
export function delivery(course: Course): void {
  course.through('INPUT', 'mangle', 'filter', 'nat');
}

/** Packets from elsewhere to elsewhere. */
export function forwarding(course: Course): void {
  course.through('FORWARD', 'mangle', 'filter');
  departure(course);
}

/** Packets that leave the node. */
export function departure(course: Course): void {
  course.through('POSTROUTING', 'mangle', 'nat');
}

/** Packets from the node to itself. */
export function arrival(course: Course): void {
  departure(course);
  delivery(course);
}

export function surroundingsOf(
  packet: Packet,
  { interfaceTo = () => undefined }: Host,
  isLocal: Surroundings['isLocal'],
  inSet: InSet,
): Surroundings {
  return { packet, isLocal, interfaceTo, inSet, recent: new Map() };
}

/** The ways of one packet on their course through the kernel. */
export class Course {
  readonly #chains: Chains;
  readonly #around: Surroundings;
  readonly #ended: Ended[] = [];
  #ways: readonly Way[];

  constructor(chains: Chains, around: Surroundings, ways: readonly Way[] = [wayOf(around.packet)]) {
    this.#chains = chains;
    this.#around = around;
    this.#ways = ways;
  }

  /** One hook's tables, in the kernel's order. */
  through(hook: Hook, ...tables: readonly string[]): void {
    for (const table of tables) {
      const { passed, ended } = this.#chains.hook(table, hook, this.#ways, this.#around);
      this.#ways = passed;
      this.#ended.push(...ended);
    }
  }

  /** Sends those ways for which the condition holds one way, the others another. */
  split(
    condition: (way: Way) => boolean,
    then: (course: Course) => void,
    otherwise: (course: Course) => void,
  ) {
    const [yes, no] = [this.#part(condition), this.#part((way) => !condition(way))];
    this.#ways = [...this.#rejoin(yes, then), ...this.#rejoin(no, otherwise)];
  }

  /** Replaces each way by what becomes of it. */
  change(by: (way: Way) => readonly Way[] | Ended): void {
    const ways: Way[] = [];
    for (const way of this.#ways) {
      const result = by(way);
      if ('verdict' in result) this.#ended.push(result);
      else ways.push(...result);
    }
    this.#ways = ways;
  }

  /** All ends, those among them that got through. */
  end(): readonly Ended[] {
    const through = this.#ways.map((way): Ended => ({ verdict: way.translated ? 'endpoint' : 'pass', way }));
    return [...this.#ended, ...through];
  }

  #part(condition: (way: Way) => boolean): Course {
    return new Course(this.#chains, this.#around, this.#ways.filter(condition));
  }

  #rejoin(part: Course, steps: (course: Course) => void): readonly Way[] {
    if (part.#ways.length > 0) steps(part);
    this.#ended.push(...part.#ended);
    return part.#ways;
  }
}
