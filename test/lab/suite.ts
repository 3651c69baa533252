import { describe, expect, it } from 'vitest';
import { labHindrance } from './hindrance.ts';

/** The two packet filters that iptables' commands program; everything in iptables mode must work on both. */
export const BACKENDS = ['nft', 'legacy'] as const;
export type Backend = (typeof BACKENDS)[number];

/**
 * A group of tests that need a lab: `await describeLab(...)` at the top of a test file. Where none can be built they
 * are skipped and say why, except in CI, where that is a failure.
 */
export async function describeLab(name: string, tests: () => void): Promise<void> {
  const hindrance = await labHindrance();
  if (hindrance === undefined) {
    describe(name, { timeout: 60_000 }, tests);
  } else if (process.env['CI'] === 'true') {
    it(name, () => expect.fail(`CI must run the lab's tests: ${hindrance}`));
  } else {
    it.skip(`${name} (skipped: ${hindrance})`, () => {});
  }
}
