import { cidrContains, parseCidr } from '../address.ts';
import { parseIpset, type SavedSet } from '../ipvs/saved.ts';
import type { Cidr } from '../model.ts';
import type { Packet } from './packet.ts';
import type { Way } from './way.ts';

/** Whether a packet is in an ip set; undefined where the set is not known, or is of a kind that is not. */
export type InSet = (
  set: string,
  directions: readonly string[],
  packet: Packet,
  way: Way,
) => boolean | undefined;

/** @param text as `ipset save` prints it */
export function readIpSets(text: string): InSet {
  const saved = parseIpset(text);
  const read = new Map<string, IpSet | undefined>();
  return (name, directions, packet, way) => {
    if (!read.has(name)) read.set(name, readSet(saved.get(name)));
    return read.get(name)?.has(directions, packet, way);
  };
}

/** What is looked at of a packet: its address, with its protocol where ports are meant. */
type Dimension = 'ip' | 'net' | 'port';

class IpSet {
  readonly #dimensions: readonly Dimension[];
  /** Elements without their networks, which are listed. */
  readonly #elements = new Map<string, Cidr[]>();

  constructor(dimensions: readonly Dimension[], entries: readonly string[]) {
    this.#dimensions = dimensions;
    for (const entry of entries) this.#add(entry.split(' ')[0] ?? '');
  }

  has(directions: readonly string[], packet: Packet, way: Way): boolean {
    const parts = this.#dimensions.map((dimension, i) => {
      const isSource = directions[i] === 'src';
      if (dimension !== 'port') return isSource ? way.source : way.destination;
      return `${packet.protocol}:${isSource ? packet.sourcePort : way.port}`;
    });
    const networks = this.#elements.get(this.#keyOf(parts));
    const i = this.#dimensions.indexOf('net');
    if (networks === undefined || i < 0) return networks !== undefined;
    const address = directions[i] === 'src' ? way.source : way.destination;
    return networks.some((network) => cidrContains(network, address));
  }

  #add(element: string): void {
    const parts = element.split(',');
    const key = this.#keyOf(parts);
    const networks = this.#elements.get(key) ?? [];
    this.#elements.set(key, networks);
    const text = parts[this.#dimensions.indexOf('net')];
    if (text === undefined) return;
    const network = parseCidr(text) ?? parseCidr(`${text}/${text.includes(':') ? 128 : 32}`);
    if (network) networks.push(network);
  }

  #keyOf(parts: readonly string[]): string {
    return parts.filter((_, i) => this.#dimensions[i] !== 'net').join();
  }
}

function readSet(saved: SavedSet | undefined): IpSet | undefined {
  const [, kind = '', list = ''] = /^(hash|bitmap):([a-z,]+)/.exec(saved?.definition ?? '') ?? [];
  const dimensions = list.split(',');
  const isKnown = dimensions.every((name): name is Dimension => ['ip', 'net', 'port'].includes(name));
  // An exception to a network is something that sets of a proxy never have.
  if (!saved || !isKnown || saved.entries.some((entry) => entry.includes(' nomatch'))) return undefined;
  if (dimensions.filter((name) => name === 'net').length > 1) return undefined;
  return kind === 'bitmap' ? bitmapOf(dimensions, saved.entries) : new IpSet(dimensions, saved.entries);
}

/** Ports without a protocol, single or from one to another. */
function bitmapOf(dimensions: readonly Dimension[], entries: readonly string[]): IpSet | undefined {
  if (dimensions.join() !== 'port') return undefined;
  const ports = entries.flatMap((entry) => {
    const [low = 0, high = low] = entry.split(' ')[0]?.split('-').map(Number) ?? [];
    return Array.from({ length: high - low + 1 }, (_, i) => String(low + i));
  });
  return new IpSet(
    dimensions,
    ports.flatMap((port) => ['tcp', 'udp', 'sctp'].map((protocol) => `${protocol}:${port}`)),
  );
}
