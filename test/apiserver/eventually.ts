import { expect } from 'vitest';

/** Expects something that will be true soon: asks again and again, ten seconds at most. */
export function eventually<T>(read: () => T) {
  return expect.poll(read, { timeout: 10_000, interval: 5 });
}
