import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { adopt } from '../../rules/iptables/adopt.ts';
import { BUILTIN_CHAINS, TABLES } from '../../rules/iptables/chains.ts';
import { planIptables } from '../../rules/iptables/plan.ts';
import { printRuleset } from '../../rules/iptables/print.ts';
import { canonicalRule } from '../../rules/iptables/rule.ts';
import { parseSave, printSave } from '../../rules/iptables/save.ts';
import { IptablesModel, tablesOf } from '../model/iptables.ts';
import { cluster } from './clusters.ts';
import { family, surroundings } from './nodes.ts';
import { bring, freshly, Programming } from './programming.ts';
import { PROPERTY_TIMEOUT_MS, runs } from './runs.ts';

vi.setConfig({ testTimeout: PROPERTY_TIMEOUT_MS });

const scenario = family.chain((of) =>
  fc.record({ family: fc.constant(of), services: cluster, at: surroundings(of) }),
);

/** Lines that would be written on a node that has these rules. */
function written({ desired }: Programming, save: string): string {
  const { sections } = planIptables(desired.ruleset, adopt(parseSave(save)));
  return sections.map(({ text }) => text).join('');
}

describe('a start on a node that has all rules writes nothing', () => {
  it('where they are spelled as iptables-save 1.8.9 does', () => {
    fc.assert(
      fc.property(scenario, ({ family: of, services, at }) => {
        const programming = freshly(of, services, at);
        expect(written(programming, printRuleset(programming.desired.ruleset))).toBe('');
      }),
      { numRuns: runs(100) },
    );
  });

  it('where another version spells them', () => {
    const spellings = fc.subarray([...OTHER_SPELLINGS], { minLength: 1 });
    fc.assert(
      fc.property(scenario, spellings, ({ family: of, services, at }, chosen) => {
        const programming = freshly(of, services, at);
        const text = printRuleset(programming.desired.ruleset);
        const respelled = chosen.reduce((all, [pattern, by]) => all.replace(pattern, by), text);
        expect(written(programming, respelled)).toBe('');
      }),
      { numRuns: runs(100) },
    );
  });

  it('where the cluster has become large or small since, and comments with it', () => {
    fc.assert(
      fc.property(scenario, fc.boolean(), ({ family: of, services, at }, comments) => {
        const before = new Programming(of);
        before.comments = comments;
        before.become(services, at);
        const after = new Programming(of);
        after.comments = !comments;
        after.become(services, at);
        expect(written(after, printRuleset(before.desired.ruleset))).toBe('');
      }),
      { numRuns: runs(100) },
    );
  });
});

/** What other versions of iptables-save, and other proxies' hands, make of the same rules. */
const OTHER_SPELLINGS: readonly (readonly [RegExp, string])[] = [
  [/--nfacct-name {2}/g, '--nfacct-name '],
  [/(-[sd] \S+)\/(32|128) /g, '$1 '],
  [/-p tcp /g, '-p 6 '],
  [/--ctstate RELATED,ESTABLISHED/g, '--ctstate ESTABLISHED,RELATED'],
  [/--set-xmark (0x[0-9a-f]+)\/\1/g, '--or-mark $1'],
  [/--probability 0\.50000000000/g, '--probability 0.5'],
];

describe('the text of rules', () => {
  it('is the canonical one, and comes back from being parsed', () => {
    fc.assert(
      fc.property(scenario, ({ family: of, services, at }) => {
        const text = printRuleset(freshly(of, services, at).desired.ruleset);
        expect(printSave(parseSave(text))).toBe(text);
        for (const { chains } of parseSave(text)) {
          for (const { rules } of chains.values()) expect(rules.map(canonicalRule)).toEqual(rules);
        }
      }),
      { numRuns: runs(50) },
    );
  });

  it('tells the order in which the plan puts jumps into the chains of the kernel', () => {
    fc.assert(
      fc.property(scenario, fc.constantFrom(1, 3, Number.POSITIVE_INFINITY), (given, batch) => {
        const programming = freshly(given.family, given.services, given.at);
        const model = new IptablesModel();
        bring(model, programming, { batch });
        const printed = tablesOf(printRuleset(programming.desired.ruleset));
        for (const table of TABLES) {
          for (const chain of BUILTIN_CHAINS[table]) {
            expect(model.tables.get(table)?.get(chain)).toEqual(printed.get(table)?.get(chain));
          }
        }
      }),
      { numRuns: runs(20) },
    );
  });
});
