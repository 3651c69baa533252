import { hostCidr } from '../address.ts';
import type { BaseOption, Match, Rule } from '../iptables/rule.ts';
import type { Address } from '../model.ts';
import type { InSet } from './ip-sets.ts';
import { optionHolds } from './iptables-options.ts';
import { isIn, isInterface, protocolName } from './iptables-values.ts';
import type { Packet } from './packet.ts';
import { Share } from './share.ts';
import type { Hook } from './trace.ts';
import type { Way } from './way.ts';

/** What rules look at besides the packet itself. */
export interface Surroundings {
  readonly packet: Packet;
  readonly isLocal: (address: Address) => boolean;
  readonly interfaceTo: (destination: Address) => string | undefined;
  readonly inSet: InSet;
  /** Seconds for which lists of recent clients remember, by name: filled while rules ask for them. */
  readonly recent: Map<string, number>;
}

/** Whether a rule matches: by chance, or what of it cannot be told. */
export type Fit = 'yes' | 'no' | Share | Unknown;

export interface Unknown {
  readonly unknown: string;
}

/** Looks at a rule for one way of the packet. What cannot be told counts only where all the rest of it matches. */
export function fits(rule: Rule, hook: Hook, way: Way, around: Surroundings): Fit {
  let chance: Share | undefined;
  let unknown: Unknown | undefined;
  for (const [name, { value, negated }] of rule.base) {
    const holds = baseHolds(name, value, hook, way, around);
    if (holds === undefined) unknown ??= { unknown: `${name} ${value}` };
    else if (holds === negated) return 'no';
  }
  for (const match of rule.matches) {
    const fit = fitsMatch(match, way, around);
    if (fit === 'no') return 'no';
    if (fit instanceof Share) chance = chance?.times(fit) ?? fit;
    else if (fit !== 'yes') unknown ??= fit;
  }
  return unknown ?? chance ?? 'yes';
}

/** A shortcut for the long dispatch chains: the rule begins with an address that is not the packet's. */
export function isForAnother(rule: string, { destination }: Way): boolean {
  if (!rule.startsWith('-d ')) return false;
  const end = rule.indexOf(' ', 3);
  const network = end < 0 ? rule.slice(3) : rule.slice(3, end);
  return /\/(32|128)$/.test(network) && network !== hostCidr(destination) && !network.includes('::ffff:');
}

function baseHolds(
  name: BaseOption,
  value: string,
  hook: Hook,
  way: Way,
  { packet, isLocal, interfaceTo }: Surroundings,
): boolean | undefined {
  switch (name) {
    case '-s':
      return isIn(value, way.source);
    case '-d':
      return isIn(value, way.destination);
    case '-p':
      return value === 'all' || protocolName(value) === packet.protocol;
    case '-i':
      if (packet.from === '') return undefined;
      if (packet.from === undefined) return hook === 'INPUT' && isInterface(value, 'lo');
      return hook !== 'OUTPUT' && hook !== 'POSTROUTING' && isInterface(value, packet.from);
    case '-o': {
      if (hook === 'PREROUTING' || hook === 'INPUT') return false;
      const out = isLocal(way.destination) ? 'lo' : interfaceTo(way.destination);
      return out === undefined ? undefined : isInterface(value, out);
    }
  }
}

function fitsMatch(match: Match, way: Way, around: Surroundings): Fit {
  const { name, options } = match;
  switch (name) {
    case 'comment':
    case 'nfacct':
      return 'yes';
    case 'limit':
      // One packet is within any limit.
      return 'yes';
    case 'statistic':
      return chanceOf(match);
    case 'recent':
      return fitsRecent(match, around.recent);
    case 'set': {
      const fit = fitsSet(match, way, around);
      return fit ?? { unknown: textOf(match) };
    }
  }
  for (const option of options) {
    const holds = optionHolds(name, option, way, around);
    if (holds === undefined) return { unknown: textOf(match) };
    if (holds === option.negated) return 'no';
  }
  return 'yes';
}

/** A client that comes for the first time is in no list; those that it would be in are kept in mind. */
function fitsRecent({ options }: Match, recent: Map<string, number>): Fit {
  const optionOf = (name: string) => options.find((option) => option.name === name)?.values[0];
  const asks = options.find(({ name }) => name === '--rcheck' || name === '--update');
  if (asks === undefined) return 'yes';
  recent.set(optionOf('--name') ?? 'DEFAULT', Number(optionOf('--seconds') ?? 0));
  return asks.negated ? 'yes' : 'no';
}

function chanceOf(match: Match): Fit {
  const optionOf = (name: string) => match.options.find((option) => option.name === name)?.values[0];
  const [probability, every] = [optionOf('--probability'), optionOf('--every')];
  let share: Share | undefined;
  if (probability !== undefined) share = Share.ofProbability(Number(probability));
  else if (Number(every) > 0) share = Share.of(1, Number(every));
  if (!share) return { unknown: textOf(match) };
  return match.options.some(({ negated }) => negated) ? share.rest : share;
}

function fitsSet({ options }: Match, way: Way, { inSet, packet }: Surroundings): Fit | undefined {
  const [option, ...others] = options.filter(({ name }) => name !== '--return-nomatch');
  const [set, directions] = option?.name === '--match-set' ? option.values : [];
  if (option === undefined || set === undefined || directions === undefined || others.length > 0)
    return undefined;
  const holds = inSet(set, directions.split(','), packet, way);
  if (holds === undefined) return undefined;
  return holds === option.negated ? 'no' : 'yes';
}

function textOf({ name, options }: Match): string {
  const words = options.flatMap((option) => [option.negated ? '!' : '', option.name, ...option.values]);
  return ['-m', name, ...words].filter((word) => word !== '').join(' ');
}
