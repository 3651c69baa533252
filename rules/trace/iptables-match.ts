import { cidrContains, hostCidr, isLoopback, parseAddress, parseCidr } from '../address.ts';
import type { BaseOption, Match, Option, Rule } from '../iptables/rule.ts';
import type { Address, Cidr } from '../model.ts';
import type { InSet } from './ip-sets.ts';
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
      return value === 'all' || (PROTOCOLS[value] ?? value) === packet.protocol;
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

const PROTOCOLS: Readonly<Record<string, string>> = { '6': 'tcp', '17': 'udp', '132': 'sctp' };

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

/** undefined: not known. */
function optionHolds(match: string, option: Option, way: Way, around: Surroundings): boolean | undefined {
  const { packet, isLocal } = around;
  const { name, values } = option;
  const [value = ''] = values;
  switch (`${match} ${name}`) {
    case 'tcp --dport':
    case 'udp --dport':
    case 'sctp --dport':
    case 'multiport --dports':
      return isInPorts(value, way.port);
    case 'tcp --sport':
    case 'udp --sport':
    case 'sctp --sport':
    case 'multiport --sports':
      return isInPorts(value, packet.sourcePort);
    case 'multiport --ports':
      return isInPorts(value, way.port) || isInPorts(value, packet.sourcePort);
    case 'tcp --syn':
      return true;
    case 'tcp --tcp-flags': {
      const [, set = ''] = values;
      return set === 'SYN' && value.split(',').includes('SYN');
    }
    case 'mark --mark':
      return hasMark(value, way.mark);
    case 'connmark --mark':
      return hasMark(value, way.connectionMark);
    case 'addrtype --dst-type':
      return isOfType(value, way.destination, isLocal);
    case 'addrtype --src-type':
      return isOfType(value, way.source, isLocal);
    case 'conntrack --ctstate':
    case 'state --state':
      return value
        .split(',')
        .some(
          (state) => state === 'NEW' || (state === 'DNAT' && way.translated && way.virtual === undefined),
        );
    case 'conntrack --ctorigdst':
      return isIn(value, packet.destination);
    case 'conntrack --ctorigsrc':
      return isIn(value, packet.source);
    case 'conntrack --ctorigdstport':
      return isInPorts(value, packet.port);
    case 'conntrack --ctproto':
      return (PROTOCOLS[value] ?? value) === packet.protocol;
    case 'conntrack --ctdir':
      return value === 'ORIGINAL';
    case 'physdev --physdev-is-in':
    case 'physdev --physdev-is-out':
    case 'physdev --physdev-is-bridged':
      // Traffic is looked at where it is routed.
      return false;
    case 'ipvs --vproto':
    case 'ipvs --vaddr':
    case 'ipvs --vport':
      return isOfVirtual(name, value, way.virtual);
    default:
      return undefined;
  }
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

function isOfType(
  type: string,
  address: Address,
  isLocal: (address: Address) => boolean,
): boolean | undefined {
  const isMulticast = /^(22[4-9]|23\d)\.|^ff[0-9a-f]{2}:/.test(address);
  const ofType = (name: string) => {
    if (name === 'LOCAL') return isLocal(address);
    if (name === 'MULTICAST') return isMulticast;
    if (name === 'BROADCAST') return address === '255.255.255.255';
    return name === 'UNICAST' ? !isMulticast && !isLocal(address) : undefined;
  };
  const answers = type.split(',').map(ofType);
  return answers.includes(true) || (answers.includes(undefined) ? undefined : false);
}

const PROTOCOL_NUMBERS: Readonly<Record<string, string>> = { tcp: '6', udp: '17', sctp: '132' };

/** @param virtual `tcp 10.96.0.1:443` */
function isOfVirtual(option: string, value: string, virtual: string | undefined): boolean {
  const [, protocol = '', host = '', port] = /^(\w+) \[?(.*?)\]?:(\d+)$/.exec(virtual ?? '') ?? [];
  if (option === '--vproto') return value === PROTOCOL_NUMBERS[protocol] || value === protocol;
  return option === '--vport' ? value === port : host !== '' && isIn(value, host as Address);
}

/** `80`, `8000:9000`, or several with commas. */
function isInPorts(list: string, port: number): boolean {
  return list.split(',').some((text) => {
    const [low = 0, high = low] = text.split(':').map(Number);
    return low <= port && port <= high;
  });
}

function hasMark(value: string, mark: number): boolean {
  const [wanted = 0, mask = 0xffffffff] = value.split('/').map(Number);
  return (mark & mask) >>> 0 === wanted;
}

/** `10.0.0.0/8`, `10.0.0.0/255.0.0.0` or an address; several with commas. */
function isIn(networks: string, address: Address): boolean {
  return networks.split(',').some((text) => {
    if (text === hostCidr(address) || text === address) return true;
    if (/\/(32|128)$/.test(text)) return parseCidr(text) === hostCidr(address);
    const network = networkOf(text);
    return network !== undefined && cidrContains(network, address);
  });
}

function networkOf(text: string): Cidr | undefined {
  const [host = '', mask = ''] = text.split('/');
  const bits = /^\d+\.\d+\.\d+\.\d+$/.test(mask) ? lengthOf(mask) : mask;
  const address = parseAddress(host);
  return mask === '' ? address && hostCidr(address) : parseCidr(`${host}/${bits}`);
}

function lengthOf(mask: string): number {
  return mask
    .split('.')
    .reduce((bits, octet) => bits + (Number(octet).toString(2).match(/1/g)?.length ?? 0), 0);
}

function isInterface(name: string, device: string): boolean {
  return name.endsWith('+') ? device.startsWith(name.slice(0, -1)) : device === name;
}

function textOf({ name, options }: Match): string {
  const words = options.flatMap((option) => [option.negated ? '!' : '', option.name, ...option.values]);
  return ['-m', name, ...words].filter((word) => word !== '').join(' ');
}

/** Whether addresses are the node's own. */
export function localityOf(addresses: Iterable<Address>): (address: Address) => boolean {
  const local = new Set(addresses);
  return (address) => local.has(address) || isLoopback(address);
}
