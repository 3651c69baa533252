import { collapseIPv6Number, IPv4, IPv4CidrRange, IPv6, IPv6CidrRange } from 'ip-num';
import type { Address, Cidr, Family } from './model.ts';

/**
 * The address in its canonical spelling, or undefined where the text is none. As the API server's own history
 * allows, IPv4 octets may have leading zeros (they stay decimal), and an IPv4-mapped IPv6 address is IPv4.
 */
export function parseAddress(text: string): Address | undefined {
  return (text.includes(':') ? parseIPv6(text) : parseIPv4(text)) as Address | undefined;
}

/**
 * The network in canonical spelling (host bits cleared), or undefined where the text is none. White space around
 * it is ignored, as loadBalancerSourceRanges are written by people.
 */
export function parseCidr(text: string): Cidr | undefined {
  const [, host, length] = /^([0-9a-fA-F.:]+)\/(\d{1,3})$/.exec(text.trim()) ?? [];
  if (host === undefined || length === undefined) return undefined;
  const address = parseAddress(host);
  if (address === undefined) return undefined;
  const ipv6 = address.includes(':');
  const prefix = Number(length) - (host.includes(':') && !ipv6 ? 96 : 0);
  if (prefix < 0 || prefix > (ipv6 ? 128 : 32)) return undefined;
  const range = ipv6
    ? IPv6CidrRange.fromCidr(`${address}/${prefix}`)
    : IPv4CidrRange.fromCidr(`${address}/${prefix}`);
  const first = range.getFirst().toString();
  return `${ipv6 ? collapseIPv6Number(first) : first}/${prefix}` as Cidr;
}

export function familyOf(address: Address | Cidr): Family {
  return address.includes(':') ? 'ipv6' : 'ipv4';
}

/** The number of leading bits that count. */
export function prefixLength(cidr: Cidr): number {
  return Number(cidr.slice(cidr.indexOf('/') + 1));
}

/** The network that holds this one address. */
export function hostCidr(address: Address): Cidr {
  return `${address}/${address.includes(':') ? 128 : 32}` as Cidr;
}

/** False also where network and address are of different families. */
export function cidrContains(cidr: Cidr, address: Address): boolean {
  const ipv6 = cidr.includes(':');
  if (ipv6 !== address.includes(':')) return false;
  const base = cidr.slice(0, cidr.indexOf('/'));
  const shift = BigInt((ipv6 ? 128 : 32) - prefixLength(cidr));
  return numberOf(base) >> shift === numberOf(address) >> shift;
}

/** A loopback address: 127.0.0.0/8 or ::1. */
export function isLoopback(address: Address): boolean {
  return address.startsWith('127.') || address === '::1';
}

/** The address as a number of 32 or 128 bits. */
export function numberOf(address: string): bigint {
  return (address.includes(':') ? IPv6.fromString(address) : new IPv4(address)).getValue();
}

/** The inverse of numberOf. */
export function addressOf(number: bigint, ipv6: boolean): Address {
  const text = ipv6 ? collapseIPv6Number(new IPv6(number).toString()) : new IPv4(number).toString();
  return text as Address;
}

function parseIPv4(text: string): string | undefined {
  const octets = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1).map(Number);
  return octets?.every((octet) => octet <= 255) ? octets.join('.') : undefined;
}

function parseIPv6(text: string): string | undefined {
  // A zone ("%eth0") means something on one machine only.
  if (!/^[0-9a-fA-F:.]+$/.test(text)) return undefined;
  let full: string;
  try {
    full = IPv6.fromString(text).toString();
  } catch {
    return undefined;
  }
  const mapped = /^0:0:0:0:0:ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(full);
  if (mapped) {
    const [high, low] = [Number.parseInt(mapped[1] ?? '', 16), Number.parseInt(mapped[2] ?? '', 16)];
    return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
  }
  return collapseIPv6Number(full);
}
