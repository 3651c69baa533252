import { addressOf, numberOf, prefixLength } from '../address.ts';
import type { Cidr } from '../model.ts';

/**
 * Networks as nft prints them inside a rule: overlapping and adjoining ones become one, as they are in the kernel;
 * whole networks stay networks, others become ranges; hosts lose their prefix length; in ascending order.
 */
function mergeIntervals(cidrs: Iterable<Cidr>): readonly string[] {
  const ipv6 = [...cidrs].some((cidr) => cidr.includes(':'));
  const bits = ipv6 ? 128 : 32;
  const intervals = [...cidrs]
    .map((cidr) => {
      const first = numberOf(cidr.slice(0, cidr.indexOf('/')));
      return { first, last: first + (1n << BigInt(bits - prefixLength(cidr))) - 1n };
    })
    .sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  const merged: { first: bigint; last: bigint }[] = [];
  for (const { first, last } of intervals) {
    const before = merged.at(-1);
    if (before && first <= before.last + 1n) {
      if (last > before.last) before.last = last;
    } else {
      merged.push({ first, last });
    }
  }
  return merged.map(({ first, last }) => print(first, last, bits));
}

function print(first: bigint, last: bigint, bits: number): string {
  const text = addressOf(first, bits === 128);
  if (first === last) return text;
  const size = last - first + 1n;
  const isNetwork = (size & (size - 1n)) === 0n && first % size === 0n;
  if (!isNetwork) return `${text}-${addressOf(last, bits === 128)}`;
  return `${text}/${bits - (size.toString(2).length - 1)}`;
}

/**
 * What an address is compared with, as nft prints it: one network as it is, several as an anonymous set. That stays a
 * set even where all of them have become one interval: `{ 10.0.0.0/8 }`.
 */
export function intervalSet(cidrs: readonly Cidr[]): string {
  const merged = mergeIntervals(cidrs).join(', ');
  return cidrs.length === 1 ? merged : `{ ${merged} }`;
}
