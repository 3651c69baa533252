import { isLoopback, parseAddress } from '../../rules/address.ts';
import type { Address } from '../../rules/model.ts';

/**
 * An address that packets can be sent to across a network: what the API server asks of endpoints and external
 * addresses (validation.ValidateNonSpecialIP). Otherwise what it must be.
 */
export function usableHostAddress(value: unknown): Address | { readonly must: string } {
  const address = typeof value === 'string' ? parseAddress(value) : undefined;
  if (address === undefined) return { must: 'an IP address' };
  if (address === '0.0.0.0' || address === '::') return { must: 'a specified address' };
  if (isLoopback(address)) return { must: 'no loopback address' };
  if (address.startsWith('169.254.') || /^fe[89ab]/.test(address)) return { must: 'no link-local address' };
  if (/^22[4-9]\.|^23\d\.|^ff/.test(address)) return { must: 'no multicast address' };
  return address;
}
