import { isLoopback } from '../address.ts';
import type { Address } from '../model.ts';
import type { Field } from './nftables-statements.ts';
import type { Host, Packet } from './packet.ts';
import type { Hook } from './trace.ts';
import type { Way } from './way.ts';

/** What cannot be told of a packet. */
export const UNKNOWN = Symbol('unknown');

/** What a packet is asked by, and where. */
export interface Asked {
  readonly packet: Packet;
  readonly host: Host;
  readonly hook: Hook;
}

/** As nft prints it; undefined where packets of this kind have none, and no match is one. */
export function fieldValue(field: Field, asked: Asked, way: Way): string | undefined | typeof UNKNOWN {
  const { packet, host, hook } = asked;
  const { protocol, sourcePort, from } = packet;
  const ipv6 = packet.destination.includes(':');
  const [first = '', second] = field.split(' ');
  switch (field) {
    case 'ip saddr':
    case 'ip6 saddr':
      return ipv6 === (first === 'ip6') ? way.source : undefined;
    case 'ip daddr':
    case 'ip6 daddr':
      return ipv6 === (first === 'ip6') ? way.destination : undefined;
    case 'ip protocol':
    case 'ip6 nexthdr':
      return ipv6 === (first === 'ip6') ? protocol : undefined;
    case 'meta l4proto':
      return protocol;
    case 'meta nfproto':
      return ipv6 ? 'ipv6' : 'ipv4';
    case 'iifname':
    case 'iif':
      if (from === '') return UNKNOWN;
      // Nothing has received what a process of the node sends, until it comes back to it.
      return from ?? (hook === 'PREROUTING' || hook === 'INPUT' ? 'lo' : '');
    case 'oifname':
    case 'oif':
      if (hook === 'PREROUTING' || hook === 'INPUT') return '';
      return isLocal(host, way.destination) ? 'lo' : (host.interfaceTo?.(way.destination) ?? UNKNOWN);
    case 'ct state':
      return 'new';
    case 'ct status':
      return way.translated ? 'dnat' : '';
    case 'fib saddr type':
      return from === undefined || isLocal(host, way.source) ? 'local' : 'not local';
    case 'fib daddr type':
      return isLocal(host, way.destination) ? 'local' : 'not local';
    default: {
      const fits = first === 'th' || first === protocol;
      return fits ? String(second === 'sport' ? sourcePort : way.port) : undefined;
    }
  }
}

export function isLocal({ localAddresses }: Host, address: Address): boolean {
  return isLoopback(address) || localAddresses.includes(address);
}
