import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FAMILIES } from '../../rules/model.ts';
import { adoptTable } from '../../rules/nftables/adopt.ts';
import { planNftables } from '../../rules/nftables/plan.ts';
import { printTable } from '../../rules/nftables/print.ts';
import { takeDown } from '../../src/dataplane/dataplane.ts';
import { NftablesDataplane } from '../../src/dataplane/nftables/dataplane.ts';
import { NftTools } from '../../src/dataplane/nftables/tools.ts';
import { cluster } from '../fuzz/clusters.ts';
import { surroundings } from '../fuzz/nodes.ts';
import { freshly, NftProgramming } from '../model/nftables-programming.ts';
import { addNamespaces, type Namespace, newPrefix, removeNamespacesSync, sweepStale } from './namespaces.ts';
import { NamespaceExec, namespaceSession } from './nftables-node.ts';
import { describeLab } from './suite.ts';

const STEPS = 200;
const SEED = 36;

await describeLab('nftables mode, a cluster that changes and changes', () => {
  const prefix = newPrefix();
  const ending = new AbortController();
  let namespace: Namespace;

  beforeAll(async () => {
    await sweepStale();
    const [added] = await addNamespaces([`${prefix}-churn`]);
    if (!added) expect.fail('no namespace');
    namespace = added;
  });

  afterAll(() => {
    ending.abort();
    removeNamespacesSync(prefix);
  });

  describe.each(FAMILIES)('%s', (family) => {
    it(`has in the kernel what a fresh compile has, after each of ${STEPS} steps`, async () => {
      const { signal } = ending;
      const exec = new NamespaceExec(namespace);
      const session = namespaceSession(namespace);
      const dataplane = new NftablesDataplane(new NftTools(family, { exec, session }));
      const [at] = fc.sample(surroundings(family), { numRuns: 1, seed: SEED });
      const clusters = fc.sample(cluster, { numRuns: STEPS, seed: SEED });
      if (!at) return expect.fail('nothing to start from');
      const programming = new NftProgramming(family);
      const ledger = await dataplane.adopt(signal);
      let left: ReadonlySet<string> = new Set();
      const write = async (keys: Iterable<string> | undefined) => {
        const pending = keys && new Set([...keys, ...left]);
        const plan = dataplane.plan(programming.desired.ruleset, ledger, pending, left);
        await dataplane.apply(plan, signal);
        takeDown(plan, ledger);
        left = new Set(plan.later);
      };
      for (const [step, services] of clusters.entries()) {
        const keys = programming.become(services, at);
        await write(step === 0 ? undefined : keys);
        // Listing takes longer than writing: all steps are written, some are looked at.
        if (step % 10 !== 0 && step !== STEPS - 1) continue;
        // What was left for later goes, too.
        await write([]);
        const fresh = freshly(family, services, at).desired.ruleset;
        const known = await dataplane.adopt(signal);
        expect(known, `after step ${step}`).toEqual(adoptTable(printTable(fresh, family)));
        expect(known).toEqual(ledger);
        expect(planNftables(family, fresh, known).lines).toBe(0);
      }
    });
  });
});
