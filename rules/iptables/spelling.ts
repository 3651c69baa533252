/** Of `recent`: each client counts for itself. */
export const FULL_MASK = {
  ipv4: '255.255.255.255',
  ipv6: 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
} as const;

/** Names and reasons hold a slash or a space, so iptables-save always quotes; validation has kept quotes and backslashes out. */
export function commentMatch(text: string): string {
  return `-m comment --comment "${text}"`;
}
