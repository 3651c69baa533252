import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { planIptables } from '../../rules/iptables/plan.ts';
import { printRuleset } from '../../rules/iptables/print.ts';
import type { Family } from '../../rules/model.ts';
import { differences } from '../conformance/compare/dump.ts';
import { IptablesModel, printTables, type Tables, tablesOf } from '../model/iptables.ts';
import { ourRules } from '../model/our-rules.ts';
import { type Packet, PacketWalk } from '../model/packet-walk.ts';
import { cluster, type ServiceDraft, twoClusters } from './clusters.ts';
import { family, type Surroundings, surroundings } from './nodes.ts';
import { type Destination, destinationsOf, packetsTo } from './packets.ts';
import { adopted, bring, execute, freshly, Programming } from './programming.ts';
import { PROPERTY_TIMEOUT_MS, runs } from './runs.ts';

vi.setConfig({ testTimeout: PROPERTY_TIMEOUT_MS });

const batch = fc.constantFrom(1, 3, Number.POSITIVE_INFINITY);

/** The rules of a cluster by themselves, without a plan. */
function printed(programming: Programming): Tables {
  return tablesOf(printRuleset(programming.desired.ruleset));
}

/** What of the expected rules is missing, and what is left over: but for the guard, which is nobody's to remove. */
function wrong(expected: Programming, model: IptablesModel): readonly string[] {
  return differences(ourRules(printed(expected)), ourRules(model.tables)).filter(
    (line) => !/^filter KUBE-FIREWALL: extra: .*block incoming localnet/.test(line),
  );
}

const scenario = family.chain((of) =>
  fc.record({
    family: fc.constant(of),
    clusters: twoClusters,
    third: cluster,
    at: surroundings(of),
  }),
);

describe('a plan from A to B, applied to the rules of A, gives exactly the rules of B', () => {
  it('while Services change, told only what changed', () => {
    fc.assert(
      fc.property(scenario, batch, ({ family: of, clusters: [first, second], third, at }, size) => {
        const programming = new Programming(of);
        const model = new IptablesModel();
        const ledger = adopted(model);
        for (const services of [first, second, third]) {
          const keys = programming.become(services, at);
          const plan = planIptables(programming.desired.ruleset, ledger, keys, { batch: size });
          execute(plan, model, ledger);
          expect(wrong(programming, model)).toEqual([]);
          expect(wrong(freshly(of, services, at), model)).toEqual([]);
          expect(ledger).toEqual(adopted(model));
        }
      }),
      { numRuns: runs(100) },
    );
  });

  it('after a restart, even with other settings on a node that has changed', () => {
    const restart = family.chain((of) =>
      fc.record({
        family: fc.constant(of),
        clusters: twoClusters,
        before: surroundings(of),
        after: surroundings(of),
      }),
    );
    fc.assert(
      fc.property(restart, batch, ({ family: of, clusters: [first, second], before, after }, size) => {
        const model = new IptablesModel();
        bring(model, freshly(of, first, before), { batch: size });
        const next = freshly(of, second, after);
        bring(model, next, { batch: size });
        expect(wrong(next, model)).toEqual([]);
      }),
      { numRuns: runs(60) },
    );
  });

  it('after a kill between two COMMITs and a restart', () => {
    fc.assert(
      fc.property(scenario, batch, ({ family: of, clusters: [first, second], at }, size) => {
        const model = new IptablesModel();
        bring(model, freshly(of, first, at), { batch: size });
        const wanted = freshly(of, second, at);
        for (const tables of bring(model, wanted, { batch: size })) {
          const next = new IptablesModel(printTables(tables));
          bring(next, freshly(of, second, at), { batch: size });
          expect(wrong(wanted, next)).toEqual([]);
        }
      }),
      { numRuns: runs(50) },
    );
  });

  it('down to nothing but the base', () => {
    fc.assert(
      fc.property(scenario, batch, ({ family: of, clusters: [first], at }, size) => {
        const model = new IptablesModel();
        bring(model, freshly(of, first, at), { batch: size });
        bring(model, freshly(of, [], at), { batch: size });
        expect(
          [...(model.tables.get('nat')?.keys() ?? [])].filter((name) => /-[A-Z2-7]{16}$/.test(name)),
        ).toEqual([]);
      }),
      { numRuns: runs(30) },
    );
  });
});

describe('after every COMMIT on the way from A to B', () => {
  /** Both ways of planning: what changed while running, and everything when the kernel was read again. */
  const ways = ['what changed', 'everything'] as const;

  it.each(ways)('every connection fares as before or as after (a plan of %s)', (way) => {
    fc.assert(
      fc.property(scenario, batch, ({ family: of, clusters, at }, size) => {
        const { before, states, after, both, walk } = transition(of, clusters, at, way, size);
        for (const to of both) {
          for (const packet of packetsTo(to)) {
            const was = walk.outcomes(before, packet);
            const is = walk.outcomes(after, packet);
            const allowed = allowedBetween(was, is);
            for (const tables of states) {
              const now = walk.outcomes(tables, packet);
              const strange = [...now].filter((outcome) => !allowed(outcome));
              expect(strange, `${show(to, packet)}: before ${[...was]}, after ${[...is]}`).toEqual([]);
            }
          }
        }
      }),
      { numRuns: runs(200) },
    );
  });
});

/**
 * What works before and after works all the time, and leads where it led or will lead. Nobody is served who is so
 * neither before nor after, nor ignored where before and after somebody answers or refuses.
 */
function allowedBetween(was: ReadonlySet<string>, is: ReadonlySet<string>): (outcome: string) => boolean {
  const all = new Set([...was, ...is]);
  if (isServed(was) && isServed(is)) return (outcome) => all.has(outcome);
  const kinds = new Set(['refused', ...[...all].map(kindOf)]);
  return (outcome) => kinds.has(kindOf(outcome));
}

/** Every way leads to an endpoint. */
function isServed(outcomes: ReadonlySet<string>): boolean {
  return [...outcomes].every((outcome) => kindOf(outcome) === 'served');
}

function kindOf(outcome: string): string {
  if (/^(REJECT|DROP)$/.test(outcome)) return 'refused';
  return outcome.startsWith('pass') ? 'ignored' : 'served';
}

interface Transition {
  readonly before: Tables;
  /** After each COMMIT. */
  readonly states: readonly Tables[];
  readonly after: Tables;
  /** Destinations that belong to one ServicePort before and after. */
  readonly both: readonly Destination[];
  readonly walk: PacketWalk;
}

function transition(
  of: Family,
  [first, second]: readonly [readonly ServiceDraft[], readonly ServiceDraft[]],
  at: Surroundings,
  way: 'what changed' | 'everything',
  size: number,
): Transition {
  const programming = new Programming(of);
  const model = new IptablesModel();
  programming.become(first, at);
  bring(model, programming, { batch: size });
  const before = model.tables;
  const old = destinationsOf(programming, of, at);
  const ledger = adopted(model);
  const keys = programming.become(second, at);
  const { ruleset } = programming.desired;
  const plan = planIptables(ruleset, ledger, way === 'everything' ? undefined : keys, { batch: size });
  const states = execute(plan, model, ledger);
  const both = [...destinationsOf(programming, of, at)].flatMap(([name, destination]) => {
    const { servicePort, kind } = old.get(name) ?? {};
    return servicePort?.key === destination.servicePort.key && kind === destination.kind ? [destination] : [];
  });
  return { before, states, after: model.tables, both, walk: new PacketWalk(at.node.localAddresses) };
}

function show({ kind, servicePort }: Destination, { source, destination, port, from }: Packet): string {
  return `${servicePort.key} by its ${kind} ${destination} ${port} from ${source} (${from ?? 'this node'})`;
}
