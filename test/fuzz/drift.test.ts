import fc from 'fast-check';
import { expect, it, vi } from 'vitest';
import { chainKind, isBuiltin } from '../../rules/iptables/chains.ts';
import { planIptables } from '../../rules/iptables/plan.ts';
import { printRuleset } from '../../rules/iptables/print.ts';
import { parseSave, printSave } from '../../rules/iptables/save.ts';
import { differences } from '../conformance/compare/dump.ts';
import { IptablesModel, type Tables, tablesOf } from '../model/iptables.ts';
import { ourRules } from '../model/our-rules.ts';
import { twoClusters } from './clusters.ts';
import { family, surroundings } from './nodes.ts';
import { adopted, bring, freshly } from './programming.ts';
import { PROPERTY_TIMEOUT_MS, runs } from './runs.ts';
import { tamper, tamperings } from './tampering.ts';

vi.setConfig({ testTimeout: PROPERTY_TIMEOUT_MS });

const scenario = family.chain((of) =>
  fc.record({
    family: fc.constant(of),
    clusters: twoClusters,
    at: surroundings(of),
    changes: tamperings,
    batch: fc.constantFrom(1, 3, Number.POSITIVE_INFINITY),
  }),
);

it('whatever others did to our chains is put right, and what is theirs is left alone', () => {
  fc.assert(
    fc.property(scenario, ({ family: of, clusters: [first, second], at, changes, batch }) => {
      const before = new IptablesModel();
      bring(before, freshly(of, first, at));
      const tampered = parseSave(before.save());
      tamper(tampered, changes);
      const model = new IptablesModel(printSave(tampered));
      const theirs = foreignRules(model.tables);
      const wanted = freshly(of, second, at);

      bring(model, wanted, { batch });

      const expected = ourRules(tablesOf(printRuleset(wanted.desired.ruleset)));
      expect(differences(expected, ourRules(model.tables))).toEqual([]);
      expect(foreignRules(model.tables)).toEqual(theirs);
      // Once is enough.
      expect(planIptables(wanted.desired.ruleset, adopted(model)).sections).toEqual([]);
    }),
    { numRuns: runs(150) },
  );
});

/** Chains that are not Fairlead's, and others' rules in the kernel's own ones, in their order. */
function foreignRules(tables: Tables): object {
  const found: Record<string, readonly string[]> = {};
  for (const [table, chains] of tables) {
    for (const [chain, { rules }] of chains) {
      if (isBuiltin(table, chain)) {
        found[`${table} ${chain}`] = rules.filter((rule) => !/-j KUBE-/.test(rule));
      } else if (chainKind(table, chain) === undefined) {
        found[`${table} ${chain}`] = rules;
      }
    }
  }
  return found;
}
