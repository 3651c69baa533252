import { isLoopback, parseAddress } from '../../rules/address.ts';
import type { Address } from '../../rules/model.ts';

/**
 * An address that packets can be sent to across a network: what the API server asks of endpoints and external
 * addresses (validation.ValidateNonSpecialIP), and no multicast. Otherwise what it must be.
 */
export function usableHostAddress(value: unknown): Address | { readonly must: string } {
  return ordinaryAddress(value, SPECIAL);
}

/** An address that a Service can have for its cluster IP: nothing keeps service networks from being link-local. */
export function usableClusterIP(value: unknown): Address | { readonly must: string } {
  return ordinaryAddress(
    value,
    SPECIAL.filter(({ name }) => name !== LINK_LOCAL),
  );
}

function ordinaryAddress(value: unknown, special: typeof SPECIAL): Address | { readonly must: string } {
  const address = typeof value === 'string' ? parseAddress(value) : undefined;
  if (address === undefined) return { must: 'an IP address' };
  const found = special.find(({ holds }) => holds(address));
  return found === undefined ? address : { must: `an IP address that is not ${found.name}` };
}

const LINK_LOCAL = 'link-local (169.254.0.0/16, fe80::/10)';
const SPECIAL: readonly { readonly name: string; readonly holds: (address: Address) => boolean }[] = [
  { name: 'unspecified (0.0.0.0, ::)', holds: (address) => address === '0.0.0.0' || address === '::' },
  { name: 'loopback (127.0.0.0/8, ::1)', holds: isLoopback },
  { name: LINK_LOCAL, holds: (address) => /^169\.254\.|^fe[89ab][0-9a-f]:/.test(address) },
  {
    name: 'multicast (224.0.0.0/4, ff00::/8)',
    holds: (address) => /^22[4-9]\.|^23\d\.|^ff[0-9a-f]{2}:/.test(address),
  },
];
