import type { Address } from '../../rules/model.ts';

/** Addresses of Pods of the i-th Service, no two of which are the same. */
export function endpointAddresses(i: number, count: number): readonly Address[] {
  return Array.from({ length: count }, (_, k) => {
    const n = i * count + k + 1;
    return `10.${128 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}` as Address;
  });
}
