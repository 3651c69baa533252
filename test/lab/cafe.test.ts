import { afterAll, beforeAll, describe, it } from 'vitest';
import { CafeSite } from './cafe-site.ts';
import { CAFE_STEPS } from './cafe-steps.ts';
import { describeLab } from './suite.ts';

await describeLab('cafe.example.com behind a real nginx', () => {
  describe.each(['iptables', 'nftables'] as const)('in %s mode', (mode) => {
    let site: CafeSite;

    beforeAll(async () => {
      site = await CafeSite.open(mode);
    }, 60_000);

    afterAll(() => site?.[Symbol.asyncDispose]());

    // They go on where the one before has stopped: one alone cannot be tried again.
    it.each(CAFE_STEPS)('$name', { retry: 0 }, ({ run }) => run(site));
  });
});
