import type { Address, Family } from '../model.ts';

/** Of `recent`: each client counts for itself. */
export const FULL_MASK = {
  ipv4: '255.255.255.255',
  ipv6: 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
} as const;

/** Names hold a slash, so iptables-save always quotes; validation has kept quotes and backslashes out. */
export function commentMatch(text: string): string {
  return `-m comment --comment "${text}"`;
}

export function hostText(address: Address, family: Family): string {
  return `${address}/${family === 'ipv6' ? 128 : 32}`;
}
