import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FAMILIES } from '../../../rules/model.ts';
import { planNftables } from '../../../rules/nftables/plan.ts';
import { takeDown } from '../../../src/dataplane/dataplane.ts';
import { cluster } from '../../fuzz/clusters.ts';
import { surroundings } from '../../fuzz/nodes.ts';
import { NftModel } from '../../model/nftables.ts';
import { adopted, cleanTable, NftProgramming, tableOf } from '../../model/nftables-programming.ts';

const RUNS = 100;

describe.each(FAMILIES)('%s: what is left for the next plan to remove', (family) => {
  it('is never in use then, goes with it, and nothing stays behind', { timeout: 60_000 }, () => {
    let lefts = 0;
    const clusters = fc.array(cluster, { minLength: 2, maxLength: 6 });
    const run = fc.property(clusters, surroundings(family), fc.boolean(), (steps, at, small) => {
      const programming = new NftProgramming(family);
      const model = new NftModel();
      const ledger = adopted(model, family);
      const operations = small ? 3 : 5000;
      let left: ReadonlySet<string> = new Set();
      const step = (keys: Iterable<string>): void => {
        const { ruleset } = programming.desired;
        const plan = planNftables(family, ruleset, ledger, new Set([...keys, ...left]), {
          operations,
          loose: left,
        });
        // The model refuses, as the kernel does, to delete what is in use.
        for (const { text } of plan.sections) model.apply(text);
        takeDown(plan, ledger);
        left = new Set(plan.later);
        lefts += left.size;
      };
      for (const services of steps) {
        step(programming.become(services, at));
        for (const key of left) expect(programming.desired.ruleset.text(key)).toBeUndefined();
      }
      step([]);
      expect(left.size).toBe(0);
      const sorted = ({ chains, sets }: ReturnType<typeof tableOf>) => ({
        chains: new Map([...chains].sort()),
        sets: new Map(
          [...sets].map(([name, { elements }]) => [name, new Map([...elements].sort())] as const).sort(),
        ),
      });
      expect(sorted(tableOf(model, family))).toEqual(sorted(cleanTable(programming)));
      expect(adopted(model, family)).toEqual(ledger);
    });
    fc.assert(run, { numRuns: RUNS });
    expect(lefts).toBeGreaterThan(RUNS);
  });
});
