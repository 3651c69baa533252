import { expect, it } from 'vitest';
import { soak } from './soak-run.ts';
import { soakFindings } from './soak-verdict.ts';
import { describeLab } from './suite.ts';

const SEED = 20_260_118;

await describeLab('a minute of changes and troubles', () => {
  it(`ends as a fresh dry run, and takes no more than in the beginning (seed ${SEED})`, {
    timeout: 240_000,
  }, async () => {
    const result = await soak({ duration: 45_000, seed: SEED });
    expect(soakFindings(result), JSON.stringify(result.samples, undefined, 1)).toEqual([]);
    expect(result.changes).toBeGreaterThan(300);
    expect(result.syncs).toBeGreaterThan(100);
    expect(result.lists.expired, 'lists after 410').toBeGreaterThan(0);
    expect(result.lists.history, 'lists after a new history').toBeGreaterThan(0);
  });
});
