import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FAMILIES } from '../../rules/model.ts';
import { planNftables } from '../../rules/nftables/plan.ts';
import { printTable } from '../../rules/nftables/print.ts';
import { differences } from '../conformance/compare/dump.ts';
import { readNftTable } from '../conformance/compare/nftables.ts';
import { corpusRuleset, corpusTable } from '../conformance/nftables-tables.ts';
import { corpusCases } from './corpus.ts';
import { addNamespaces, type Namespace, newPrefix, removeNamespacesSync, sweepStale } from './namespaces.ts';
import { listTable, NamespaceExec, nftablesDataplane } from './nftables-node.ts';
import { describeLab } from './suite.ts';

const CASES = (await corpusCases()).map((of) => [of.name, of] as const);

await describeLab('nftables mode, what kube-proxy programs, in the kernel', () => {
  const prefix = newPrefix();
  const signal = new AbortController().signal;
  let namespace: Namespace;

  beforeAll(async () => {
    await sweepStale();
    const [added] = await addNamespaces([`${prefix}-nft`]);
    if (!added) expect.fail('no namespace');
    namespace = added;
  });

  afterAll(() => removeNamespacesSync(prefix));

  describe.each(FAMILIES)('%s', (family) => {
    it.each(CASES)(
      '%s: is read back equal after a cold start, and then nothing is left to write',
      async (_, of) => {
        await namespace.run(['nft', 'flush', 'ruleset']);
        const ruleset = corpusRuleset(of, family);
        const dataplane = nftablesDataplane(family, new NamespaceExec(namespace));
        await dataplane.apply(dataplane.plan(ruleset, await dataplane.adopt(signal)), signal);
        const found = readNftTable(await listTable(namespace, family));
        expect(differences(readNftTable(corpusTable(of, family)), found)).toEqual([]);
        expect(dataplane.plan(ruleset, await dataplane.adopt(signal)).lines).toBe(0);
        expect(await dataplane.isIntact(ruleset, signal)).toBe(true);
      },
    );

    it.each(CASES)('%s: is taken over from kube-proxy without a write', async (_, of) => {
      await namespace.run(['nft', 'flush', 'ruleset']);
      await namespace.run(['nft', '-f', '-'], { input: corpusTable(of, family) });
      const dataplane = nftablesDataplane(family, new NamespaceExec(namespace));
      const ledger = await dataplane.adopt(signal);
      expect(dataplane.plan(corpusRuleset(of, family), ledger).lines).toBe(0);
    });

    it('what a dry run prints is a file for nft -c -f', async () => {
      await namespace.run(['nft', 'flush', 'ruleset']);
      for (const [, of] of CASES) {
        const input = printTable(corpusRuleset(of, family), family);
        await namespace.run(['nft', '-c', '-f', '-'], { input });
      }
    });

    it('is left for another cluster, whichever comes next, in transactions of any size', async () => {
      await namespace.run(['nft', 'flush', 'ruleset']);
      const dataplane = nftablesDataplane(family, new NamespaceExec(namespace));
      for (const [i, [, of]] of CASES.entries()) {
        const ruleset = corpusRuleset(of, family);
        const ledger = await dataplane.adopt(signal);
        const operations = [1, 7, 5000][i % 3] ?? 1;
        await dataplane.apply(planNftables(family, ruleset, ledger, undefined, { operations }), signal);
        const found = readNftTable(await listTable(namespace, family));
        expect(differences(readNftTable(corpusTable(of, family)), found), of.name).toEqual([]);
      }
    });
  });
});
