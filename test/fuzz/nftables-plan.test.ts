import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Family } from '../../rules/model.ts';
import { DRIFT } from '../../rules/nftables/adopt.ts';
import { planNftables } from '../../rules/nftables/plan.ts';
import { differences } from '../conformance/compare/dump.ts';
import { readNftTable } from '../conformance/compare/nftables.ts';
import { NftModel, type NftTable } from '../model/nftables.ts';
import {
  adopted,
  bring,
  cleanTable,
  execute,
  freshly,
  NftProgramming,
  tableName,
  tableOf,
} from '../model/nftables-programming.ts';
import { nftOutcomes } from '../model/nftables-walk.ts';
import type { Packet } from '../model/packet-walk.ts';
import { cluster, type ServiceDraft } from './clusters.ts';
import { family, type Surroundings, surroundings } from './nodes.ts';
import { type Destination, packetsTo } from './packets.ts';

const operations = fc.constantFrom(1, 10, 5000);

const scenario = family.chain((of) =>
  fc.record({
    family: fc.constant(of),
    clusters: fc.array(cluster, { minLength: 2, maxLength: 3 }),
    at: surroundings(of),
  }),
);

/** What is missing from the table, and what is left over. */
function wrong(expected: NftProgramming, model: NftModel): readonly string[] {
  const fresh = new NftModel();
  bring(fresh, expected);
  const [wanted, found] = [fresh, model].map((each) =>
    readNftTable(each.list(tableName(expected.family)) ?? ''),
  );
  return wanted && found ? differences(wanted, found) : ['no table'];
}

describe('a plan from A to B, applied to the table of A, gives exactly the table of B', () => {
  it('while Services change, told only what changed', () => {
    fc.assert(
      fc.property(scenario, operations, ({ family: of, clusters, at }, size) => {
        const programming = new NftProgramming(of);
        const model = new NftModel();
        const ledger = adopted(model, of);
        for (const services of clusters) {
          const keys = programming.become(services, at);
          const plan = planNftables(of, programming.desired.ruleset, ledger, keys, { operations: size });
          execute(plan, model, of, ledger);
          expect(wrong(freshly(of, services, at), model)).toEqual([]);
          expect(ledger).toEqual(adopted(model, of));
        }
      }),
      { numRuns: 250 },
    );
  });

  it('after a restart, even with other settings on a node that has changed', () => {
    const restart = scenario.chain((each) =>
      fc.record({ ...constants(each), after: surroundings(each.family) }),
    );
    fc.assert(
      fc.property(
        restart,
        operations,
        ({ family: of, clusters: [first = [], second = []], at, after }, size) => {
          const model = new NftModel();
          bring(model, freshly(of, first, at), { operations: size });
          const next = freshly(of, second, after);
          bring(model, next, { operations: size });
          expect(wrong(next, model)).toEqual([]);
          expect(planNftables(of, next.desired.ruleset, adopted(model, of)).lines).toBe(0);
        },
      ),
      { numRuns: 250 },
    );
  });

  it('after somebody has edited the table', () => {
    fc.assert(
      fc.property(
        scenario,
        fc.infiniteStream(fc.nat()),
        ({ family: of, clusters: [first = []], at }, random) => {
          const model = new NftModel();
          const programming = freshly(of, first, at);
          bring(model, programming);
          for (const edit of edits(tableOf(model, of), tableName(of), random)) model.apply(edit);
          bring(model, programming);
          expect(wrong(programming, model)).toEqual([]);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('from a table that nft cannot list, in one transaction', () => {
    fc.assert(
      fc.property(scenario, ({ family: of, clusters: [first = [], second = []], at }) => {
        const model = new NftModel();
        bring(model, freshly(of, first, at));
        const next = freshly(of, second, at);
        const plan = planNftables(of, next.desired.ruleset, new Map([['table', DRIFT]]));
        expect(plan.sections).toHaveLength(1);
        const ledger = new Map([['table', DRIFT]]);
        execute(plan, model, of, ledger);
        expect(wrong(next, model)).toEqual([]);
        expect(ledger).toEqual(adopted(model, of));
      }),
      { numRuns: 100 },
    );
  });
});

describe('after every transaction on the way from A to B', () => {
  /** Both ways of planning: what changed while running, and everything when the kernel was read again. */
  const ways = ['what changed', 'everything'] as const;

  it.each(ways)(
    'what works before and after works, and what is closed stays closed (a plan of %s)',
    (way) => {
      let looked = 0;
      fc.assert(
        fc.property(scenario, operations, ({ family: of, clusters: [first = [], second = []], at }, size) => {
          const { before, states, after, both } = transition(of, first, second, at, way, size);
          for (const to of both) {
            for (const packet of packetsTo(to)) {
              const was = nftOutcomes(before, packet, at.node.localAddresses);
              const is = nftOutcomes(after, packet, at.node.localAddresses);
              const guarded = to.kind === 'load balancer IP' && to.servicePort.sourceRanges.length > 0;
              const closed = guarded && !reachesSome(was) && !reachesSome(is);
              if (!closed && !(isServed(was) && isServed(is))) continue;
              for (const table of states) {
                looked++;
                const now = [...nftOutcomes(table, packet, at.node.localAddresses)];
                const good = closed
                  ? !now.some(isEndpoint)
                  : now.every((outcome) => isAsGood(outcome, was) || isAsGood(outcome, is));
                expect(good, `${show(to, packet)}: ${now}, before ${[...was]}, after ${[...is]}`).toBe(true);
              }
            }
          }
        }),
        { numRuns: 600 },
      );
      expect(looked).toBeGreaterThan(2_000);
    },
  );
});

function transition(
  of: Family,
  first: readonly ServiceDraft[],
  second: readonly ServiceDraft[],
  at: Surroundings,
  way: 'what changed' | 'everything',
  size: number,
): {
  readonly before: NftTable;
  /** After each transaction. */
  readonly states: readonly NftTable[];
  readonly after: NftTable;
  /** Destinations that belong to one ServicePort before and after. */
  readonly both: readonly Destination[];
} {
  const programming = new NftProgramming(of);
  const model = new NftModel();
  programming.become(first, at);
  bring(model, programming);
  const before = tableOf(model, of);
  const old = programming.destinations(at);
  const ledger = adopted(model, of);
  const keys = programming.become(second, at);
  const { ruleset } = programming.desired;
  const plan = planNftables(of, ruleset, ledger, way === 'everything' ? undefined : keys, {
    operations: size,
  });
  const states = execute(plan, model, of, ledger);
  const all = [...old.values(), ...programming.destinations(at).values()];
  const clusterIPs = new Set(all.flatMap(({ kind, address }) => (kind === 'cluster IP' ? [address] : [])));
  const both = [...programming.destinations(at)].flatMap(([name, destination]) => {
    const { servicePort, kind } = old.get(name) ?? {};
    if (servicePort?.key !== destination.servicePort.key || kind !== destination.kind) return [];
    // Whether traffic to another Service's cluster IP is masqueraded depends on that Service, too.
    return kind !== 'cluster IP' && clusterIPs.has(destination.address) ? [] : [destination];
  });
  return { before, states, after: cleanTable(programming), both };
}

/** Commands of somebody who means no good, chosen by chance. */
function edits(table: NftTable, name: string, random: Iterable<number>): readonly string[] {
  const numbers = random[Symbol.iterator]();
  const pick = <T>(all: readonly T[]): T | undefined => all[(numbers.next().value ?? 0) % all.length];
  const chain = pick([...table.chains.keys()]);
  const [set, members] = pick([...table.sets].filter(([, { elements }]) => elements.size > 0)) ?? [];
  const element = pick([...(members?.elements.keys() ?? [])]);
  const all = [
    `flush chain ${name} ${chain}\n`,
    `add rule ${name} ${chain} drop\n`,
    `add chain ${name} stranger { type filter hook input priority filter; policy accept; }\n`,
    `add chain ${name} guest\nadd rule ${name} guest jump ${pick([...table.chains].filter(([, each]) => each.hook === undefined).map(([each]) => each))}\n`,
    ...(element === undefined ? [] : [`delete element ${name} ${set} { ${element} }\n`]),
    `add element ${name} cluster-ips { 192.0.2.77 }\n`,
    `add map ${name} odd { type ipv4_addr : verdict ; }\nadd chain ${name} oddity\nadd element ${name} odd { 192.0.2.1 : goto oddity }\n`,
  ];
  return all.filter(() => (numbers.next().value ?? 0) % 2 === 0);
}

function constants<T extends object>(of: T): { [K in keyof T]: fc.Arbitrary<T[K]> } {
  return Object.fromEntries(Object.entries(of).map(([key, value]) => [key, fc.constant(value)])) as never;
}

/** Every way leads to an endpoint. */
function isServed(outcomes: ReadonlySet<string>): boolean {
  return [...outcomes].every(isEndpoint);
}

/** Masquerading what need not be, for a while, cuts nobody off. */
function isAsGood(outcome: string, known: ReadonlySet<string>): boolean {
  return known.has(outcome) || known.has(outcome.replace(/ masqueraded$/, ''));
}

function reachesSome(outcomes: ReadonlySet<string>): boolean {
  return [...outcomes].some(isEndpoint);
}

function isEndpoint(outcome: string): boolean {
  return /^\S+:\d+/.test(outcome);
}

function show({ kind, servicePort }: Destination, { source, destination, port, from }: Packet): string {
  return `${servicePort.key} by its ${kind} ${destination} ${port} from ${source} (${from ?? 'this node'})`;
}
