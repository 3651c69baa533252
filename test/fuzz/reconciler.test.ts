import fc from 'fast-check';
import { expect, it, vi } from 'vitest';
import { adopt } from '../../rules/iptables/adopt.ts';
import { printRuleset } from '../../rules/iptables/print.ts';
import { parseSave, printSave } from '../../rules/iptables/save.ts';
import { differences } from '../conformance/compare/dump.ts';
import { IptablesModel, tablesOf } from '../model/iptables.ts';
import { ourRules } from '../model/our-rules.ts';
import { ProgrammedNode } from '../unit/programmed-node.ts';
import { nodeFacts, proxySettings } from '../unit/rules/model-parts.ts';
import { cluster, type ServiceDraft } from './clusters.ts';
import { Feed } from './feed.ts';
import { freshly } from './programming.ts';
import { PROPERTY_TIMEOUT_MS, runs } from './runs.ts';
import { type Tampering, tamper, tamperings } from './tampering.ts';

vi.setConfig({ testTimeout: PROPERTY_TIMEOUT_MS });

const AT = { node: nodeFacts(), settings: proxySettings({ nfacct: false }) };

/** What happens to a node before its next sync. */
type Event =
  | { readonly kind: 'cluster'; readonly services: readonly ServiceDraft[] }
  | { readonly kind: 'tampering'; readonly changes: readonly Tampering[] }
  | { readonly kind: 'failure'; readonly stderr: string }
  /** From now on the kernel takes no rule with this text (which stands in Services' own chains). Empty: all of them. */
  | { readonly kind: 'refusal'; readonly text: string }
  | { readonly kind: 'verification' }
  | { readonly kind: 'time'; readonly seconds: number };

const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('cluster' as const), services: cluster }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('tampering' as const), changes: tamperings }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('failure' as const),
      stderr: fc.constantFrom(
        'Another app is currently holding the xtables lock',
        "Couldn't load match `recent':No such file or directory",
        'line 3: RULE_APPEND failed (Invalid argument): rule in chain KUBE-SERVICES',
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('refusal' as const),
      text: fc.constantFrom('', '', '10.244.0.1:', '10.244.1.', '-s 192.0.2.0/24', '--rcheck'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('verification' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('time' as const), seconds: fc.constantFrom(30, 4000) }),
  },
);

it('whatever happens on the way, in the end the kernel has what the cluster asks for', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(event, { minLength: 1, maxLength: 8 }),
      cluster,
      fc.boolean(),
      async (events, last, namesLines) => {
        let refused = '';
        const model = new IptablesModel('', (line) => refused !== '' && line.includes(refused));
        const node = new ProgrammedNode({ model, namesLines });
        const feed = new Feed(node.tracker);
        try {
          await node.sync();
          for (const happening of events) {
            if (happening.kind === 'cluster') feed.become(happening.services);
            if (happening.kind === 'tampering') meddle(model, happening.changes);
            if (happening.kind === 'failure')
              node.programs.failNext({ exitCode: 4, stderr: happening.stderr });
            if (happening.kind === 'refusal') refused = happening.text;
            if (happening.kind === 'verification') node.reconciler.reread();
            if (happening.kind === 'time') await node.pass(happening.seconds * 1000);
            else await node.sync();
          }
          feed.become(last);
          node.reconciler.reread();
          // A failure or two may still be in store.
          const { length } = node.reports;
          for (let i = 0; i < 12 && node.reports.length === length; i++) await node.sync();
          expect(node.reports.length, String(node.failures.at(-1)?.message)).toBeGreaterThan(length);
          expect(missing(node, last)).toEqual([]);
          refused = '';
          // Everybody has had another try by then.
          for (let i = 0; i < 4; i++) await node.pass(1_800_000);
          node.reconciler.reread();
          await node.sync();
          expect(node.reconciler.quarantined).toEqual([]);
          const expected = tablesOf(printRuleset(freshly('ipv4', last, AT).desired.ruleset));
          expect(differences(ourRules(expected), ourRules(model.tables))).toEqual([]);
        } finally {
          await node.stop();
        }
      },
    ),
    { numRuns: runs(40) },
  );
});

/** Objects of ServicePorts that are not quarantined, and that the kernel does not have. */
function missing(
  { model, reconciler }: ProgrammedNode,
  services: readonly ServiceDraft[],
): readonly string[] {
  const { ruleset } = freshly('ipv4', services, AT).desired;
  const quarantined = new Set(reconciler.quarantined.map(({ servicePort }) => servicePort));
  const there = adopt(parseSave(model.save()));
  return [...ruleset.owners()]
    .filter((owner) => !quarantined.has(owner))
    .flatMap((owner) => ruleset.fragment(owner) ?? [])
    .filter(({ key, text }) => there.get(key) !== text)
    .map(({ key }) => key);
}

function meddle(model: IptablesModel, changes: readonly Tampering[]): void {
  const tables = parseSave(model.save());
  tamper(tables, changes);
  model.overwrite(printSave(tables));
}
