import { parseAddress } from '../address.ts';
import type { Target } from '../iptables/rule.ts';
import type { Address } from '../model.ts';
import { endpointText } from '../model.ts';
import type { Surroundings } from './iptables-match.ts';
import type { Way } from './way.ts';

/** What a target that is no chain does. */
export interface Deed {
  readonly way: Way;
  /** `next`: the packet goes on with the next rule. */
  readonly verdict: 'accept' | 'drop' | 'reject' | 'return' | 'next';
  /** For people. */
  readonly effect: string;
  readonly doubt?: string;
}

/** Has a target do its work. */
export function doTarget({ name, options }: Target, way: Way, around: Surroundings): Deed {
  const optionOf = (option: string) => options.find((each) => each.name === option)?.values[0];
  switch (name) {
    case 'ACCEPT':
      return { way, verdict: 'accept', effect: 'accepted' };
    case 'RETURN':
      return { way, verdict: 'return', effect: 'nothing more in this chain' };
    case 'DROP':
      return { way, verdict: 'drop', effect: 'dropped' };
    case 'REJECT':
      return {
        way,
        verdict: 'reject',
        effect: `rejected with ${optionOf('--reject-with') ?? 'icmp-port-unreachable'}`,
      };
    case 'MARK': {
      const mark = options.reduce((value, option) => marked(value, option.name, option.values[0]), way.mark);
      return { way: { ...way, mark }, verdict: 'next', effect: `mark 0x${mark.toString(16)}` };
    }
    case 'CONNMARK':
      return onConnectionMark(options, way);
    case 'MASQUERADE':
      return masqueraded(way, 'the source becomes an address of this node');
    case 'SNAT':
      return masqueraded(
        way,
        `the source becomes ${optionOf('--to-source') ?? optionOf('--to') ?? 'another'}`,
      );
    case 'DNAT':
      return translated(way, goalOf(optionOf('--to-destination') ?? optionOf('--to'), way));
    case 'REDIRECT':
      return translated(way, redirected(optionOf('--to-ports'), way, around));
    default:
      return elsewhere(name, way);
  }
}

/** What only takes note of a packet, or changes what no rule for new connections asks for. */
const HARMLESS = new Set([
  ...['LOG', 'NFLOG', 'ULOG', 'AUDIT', 'TRACE', 'CHECKSUM', 'TCPMSS', 'TOS', 'DSCP', 'TTL', 'HL', 'CLASSIFY'],
  ...['SET', 'CT', 'SECMARK', 'CONNSECMARK', 'LED', 'RATEEST'],
]);

function elsewhere(name: string, way: Way): Deed {
  if (HARMLESS.has(name)) return { way, verdict: 'next', effect: `${name}, and on with the next rule` };
  if (name === 'NFQUEUE' || name === 'QUEUE') {
    const doubt = 'a program decides';
    return { way, verdict: 'accept', effect: 'taken to be accepted by that program', doubt };
  }
  return { way, verdict: 'next', effect: 'taken to do nothing', doubt: `target ${name}` };
}

function marked(mark: number, option: string, text = ''): number {
  const [value = 0, mask = 0xffffffff] = text.split('/').map(Number);
  switch (option) {
    case '--set-xmark':
      return ((mark & ~mask) ^ value) >>> 0;
    case '--set-mark':
      return ((mark & ~mask) | value) >>> 0;
    case '--or-mark':
      return (mark | value) >>> 0;
    case '--and-mark':
      return (mark & value) >>> 0;
    case '--xor-mark':
      return (mark ^ value) >>> 0;
    default:
      return mark;
  }
}

function onConnectionMark(options: Target['options'], way: Way): Deed {
  const maskOf = (name: string) =>
    Number(options.find((option) => option.name === name)?.values[0] ?? 0xffffffff);
  const names = options.map(({ name }) => name);
  if (names.includes('--restore-mark')) {
    const [ctmask, nfmask] = [maskOf('--ctmask'), maskOf('--nfmask')];
    const mark = ((way.mark & ~nfmask) ^ (way.connectionMark & ctmask)) >>> 0;
    return { way: { ...way, mark }, verdict: 'next', effect: `mark 0x${mark.toString(16)}` };
  }
  const connectionMark = names.includes('--save-mark')
    ? ((way.connectionMark & ~maskOf('--ctmask')) ^ (way.mark & maskOf('--nfmask'))) >>> 0
    : options.reduce((value, { name, values: [text] }) => marked(value, name, text), way.connectionMark);
  const effect = `connection mark 0x${connectionMark.toString(16)}`;
  return { way: { ...way, connectionMark }, verdict: 'next', effect };
}

function masqueraded(way: Way, effect: string): Deed {
  return { way: { ...way, masqueraded: true }, verdict: 'accept', effect };
}

interface Goal {
  readonly destination: Address;
  readonly port: number;
}

function translated(way: Way, goal: Goal | undefined): Deed {
  if (!goal) return { way, verdict: 'accept', effect: 'taken to change nothing', doubt: 'where to' };
  const effect = `the destination becomes ${endpointText({ address: goal.destination, port: goal.port })}`;
  return { way: { ...way, ...goal, translated: true }, verdict: 'accept', effect };
}

/** `10.0.0.1:80`, `[fd00::1]:80`, `10.0.0.1`, `:80`; of ranges the first. */
function goalOf(text: string | undefined, way: Way): Goal | undefined {
  if (text === undefined) return undefined;
  const [, bracketed, plain, port] =
    /^(?:\[([^\]]+)\]|([^:]*|.*:.*:.*?))(?::(\d+)(?:-\d+)?)?$/.exec(text) ?? [];
  const host = (bracketed ?? plain ?? '').split('-')[0] ?? '';
  const destination = host === '' ? way.destination : parseAddress(host);
  return destination && { destination, port: port === undefined ? way.port : Number(port) };
}

/** To the node itself: by 127.0.0.1 for what comes from here. */
function redirected(
  ports: string | undefined,
  way: Way,
  { packet, isLocal }: Surroundings,
): Goal | undefined {
  const port = ports === undefined ? way.port : Number(ports.split('-')[0]);
  if (packet.from === undefined) {
    return { destination: (way.destination.includes(':') ? '::1' : '127.0.0.1') as Address, port };
  }
  return isLocal(way.destination) ? { destination: way.destination, port } : undefined;
}
