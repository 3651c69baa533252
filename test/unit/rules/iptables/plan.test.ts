import { describe, expect, it } from 'vitest';
import { BASE, type Fragment, Ruleset } from '../../../../rules/fragment.ts';
import { adopt } from '../../../../rules/iptables/adopt.ts';
import { type PlanOptions, planIptables } from '../../../../rules/iptables/plan.ts';
import { parseSave } from '../../../../rules/iptables/save.ts';
import type { ServicePortKey } from '../../../../rules/model.ts';

/** Hashes of two ServicePorts, and endpoints of theirs. */
const A = 'AAAAAAAAAAAAAAAA';
const B = 'BBBBBBBBBBBBBBBB';
const EP1 = 'EEEEEEEEEEEEEEE2';
const EP2 = 'EEEEEEEEEEEEEEE3';

const TO_A = '-d 10.96.0.1/32 -p tcp -m comment --comment "default/a cluster IP" -m tcp --dport 80';
const LB_A = '-d 203.0.113.1/32 -p tcp -m comment --comment "default/a loadbalancer IP" -m tcp --dport 80';
const REFUSED_A =
  '-d 10.96.0.1/32 -p tcp -m comment --comment "default/a has no endpoints" -m tcp --dport 80';
const REJECT = '-j REJECT --reject-with icmp-port-unreachable';
const LAST = '-m comment --comment "NOTE: this must be the last rule in this chain"';

/** What several owners contribute: `nat:CHAIN` to its rules, `nat:CHAIN:RULE` to nothing. */
type Objects = Readonly<Record<string, Readonly<Record<string, string>>>>;

function fragment(objects: Readonly<Record<string, string>>): Fragment {
  return Object.entries(objects).map(([key, text]) => ({ key, text }));
}

function ruleset(owners: Objects): Ruleset {
  const found = new Ruleset();
  for (const [owner, objects] of Object.entries(owners))
    found.set(owner as ServicePortKey, fragment(objects));
  return found;
}

/** The payloads, a list of lines for each COMMIT. */
function plan(
  wanted: Ruleset,
  save: readonly string[],
  options?: PlanOptions,
): readonly (readonly string[])[] {
  const { sections } = planIptables(wanted, adopt(parseSave(save.join('\n'))), undefined, options);
  return sections.map(({ text }) => text.trimEnd().split('\n'));
}

interface Row {
  readonly what: string;
  readonly wanted: Objects;
  /** What iptables-save prints. */
  readonly there: readonly string[];
  readonly options?: PlanOptions;
  readonly payload: readonly (readonly string[])[];
}

const SERVING_A = {
  [`nat:KUBE-SERVICES:${TO_A} -j KUBE-SVC-${A}`]: '',
  [`nat:KUBE-SVC-${A}`]: `-j KUBE-SEP-${EP1}`,
  [`nat:KUBE-SEP-${EP1}`]: '-j DNAT1',
};
const SAVED_A = [
  '*nat',
  ':KUBE-SERVICES - [0:0]',
  `:KUBE-SVC-${A} - [0:0]`,
  `:KUBE-SEP-${EP1} - [0:0]`,
  `-A KUBE-SERVICES ${TO_A} -j KUBE-SVC-${A}`,
  `-A KUBE-SVC-${A} -j KUBE-SEP-${EP1}`,
  `-A KUBE-SEP-${EP1} -j DNAT1`,
  'COMMIT',
];
const BARE = ['*filter', ':KUBE-SERVICES - [0:0]', 'COMMIT', '*nat', ':KUBE-SERVICES - [0:0]', 'COMMIT'];
const STATIC = { [BASE]: { 'nat:KUBE-SERVICES': '' } };
const STATIC_BOTH = { [BASE]: { 'nat:KUBE-SERVICES': '', 'filter:KUBE-SERVICES': '' } };

const rows: readonly Row[] = [
  { what: 'all there: nothing', wanted: { ...STATIC, a: SERVING_A }, there: SAVED_A, payload: [] },
  {
    what: 'a new ServicePort: its chains, and a rule at the top that leads to them',
    wanted: { ...STATIC, a: SERVING_A },
    there: BARE.slice(3),
    payload: [
      [
        '*nat',
        `:KUBE-SVC-${A} - [0:0]`,
        `:KUBE-SEP-${EP1} - [0:0]`,
        `-A KUBE-SVC-${A} -j KUBE-SEP-${EP1}`,
        `-A KUBE-SEP-${EP1} -j DNAT1`,
        `-I KUBE-SERVICES ${TO_A} -j KUBE-SVC-${A}`,
        'COMMIT',
      ],
    ],
  },
  {
    what: 'another endpoint: only the chains that change are named, in one COMMIT',
    wanted: {
      ...STATIC,
      a: {
        [`nat:KUBE-SERVICES:${TO_A} -j KUBE-SVC-${A}`]: '',
        [`nat:KUBE-SVC-${A}`]: `-j KUBE-SEP-${EP2}`,
        [`nat:KUBE-SEP-${EP2}`]: '-j DNAT2',
      },
    },
    there: SAVED_A,
    payload: [
      [
        '*nat',
        `:KUBE-SVC-${A} - [0:0]`,
        `:KUBE-SEP-${EP2} - [0:0]`,
        `:KUBE-SEP-${EP1} - [0:0]`,
        `-A KUBE-SVC-${A} -j KUBE-SEP-${EP2}`,
        `-A KUBE-SEP-${EP2} -j DNAT2`,
        `-X KUBE-SEP-${EP1}`,
        'COMMIT',
      ],
    ],
  },
  {
    what: 'a ServicePort goes: leading rules before chains, chains before those they lead to',
    wanted: STATIC,
    there: SAVED_A,
    payload: [
      [
        '*nat',
        `:KUBE-SVC-${A} - [0:0]`,
        `:KUBE-SEP-${EP1} - [0:0]`,
        `-D KUBE-SERVICES ${TO_A} -j KUBE-SVC-${A}`,
        `-X KUBE-SVC-${A}`,
        `-X KUBE-SEP-${EP1}`,
        'COMMIT',
      ],
    ],
  },
  {
    what: 'the last endpoint goes: connections are refused before their way is taken away',
    wanted: { ...STATIC_BOTH, a: { [`filter:KUBE-SERVICES:${REFUSED_A} ${REJECT}`]: '' } },
    there: [...BARE.slice(0, 3), ...SAVED_A],
    payload: [
      ['*filter', `-I KUBE-SERVICES ${REFUSED_A} ${REJECT}`, 'COMMIT'],
      [
        '*nat',
        `:KUBE-SVC-${A} - [0:0]`,
        `:KUBE-SEP-${EP1} - [0:0]`,
        `-D KUBE-SERVICES ${TO_A} -j KUBE-SVC-${A}`,
        `-X KUBE-SVC-${A}`,
        `-X KUBE-SEP-${EP1}`,
        'COMMIT',
      ],
    ],
  },
  {
    what: 'the first endpoint comes: connections are refused until they have a way',
    wanted: { ...STATIC_BOTH, a: SERVING_A },
    there: [
      '*filter',
      ':KUBE-SERVICES - [0:0]',
      `-A KUBE-SERVICES ${REFUSED_A} ${REJECT}`,
      'COMMIT',
      ...BARE.slice(3),
    ],
    payload: [
      expect.arrayContaining([`-I KUBE-SERVICES ${TO_A} -j KUBE-SVC-${A}`]) as unknown as string[],
      ['*filter', `-D KUBE-SERVICES ${REFUSED_A} ${REJECT}`, 'COMMIT'],
    ],
  },
  {
    what: 'other closing rules of a shared chain: the others are not touched',
    wanted: {
      [BASE]: { 'nat:KUBE-SERVICES': `-d 172.18.0.2/32 ${LAST} -j KUBE-NODEPORTS` },
      a: { [`nat:KUBE-SERVICES:${TO_A} -j KUBE-SVC-${A}`]: '' },
    },
    there: [
      '*nat',
      ':KUBE-SERVICES - [0:0]',
      `-A KUBE-SERVICES ${TO_A} -j KUBE-SVC-${A}`,
      `-A KUBE-SERVICES -d 172.18.0.9/32 ${LAST} -j KUBE-NODEPORTS`,
      'COMMIT',
    ],
    payload: [
      [
        '*nat',
        `-A KUBE-SERVICES -d 172.18.0.2/32 ${LAST} -j KUBE-NODEPORTS`,
        `-D KUBE-SERVICES -d 172.18.0.9/32 ${LAST} -j KUBE-NODEPORTS`,
        'COMMIT',
      ],
    ],
  },
  {
    what: 'a shared chain with a rule that does not parse: rewritten whole',
    wanted: { [BASE]: { 'nat:KUBE-SERVICES': LAST }, a: SERVING_A },
    there: [
      ...SAVED_A.slice(0, -1),
      '-A KUBE-SERVICES [unsupported revision]',
      `-A KUBE-SERVICES ${LAST}`,
      'COMMIT',
    ],
    payload: [
      [
        '*nat',
        ':KUBE-SERVICES - [0:0]',
        `-A KUBE-SERVICES ${TO_A} -j KUBE-SVC-${A}`,
        `-A KUBE-SERVICES ${LAST}`,
        'COMMIT',
      ],
    ],
  },
  {
    what: 'rules of one ServicePort in a shared chain keep their order',
    wanted: {
      [BASE]: { 'nat:KUBE-NODEPORTS': '' },
      a: { 'nat:KUBE-NODEPORTS:-d 127.0.0.0/8 -j ONE': '', 'nat:KUBE-NODEPORTS:-j TWO': '' },
    },
    there: ['*nat', ':KUBE-NODEPORTS - [0:0]', 'COMMIT'],
    payload: [['*nat', '-I KUBE-NODEPORTS -j TWO', '-I KUBE-NODEPORTS -d 127.0.0.0/8 -j ONE', 'COMMIT']],
  },
  {
    what: 'another way for the same traffic of a ServicePort replaces the old one in the same COMMIT',
    wanted: {
      ...STATIC,
      a: {
        [`nat:KUBE-SERVICES:${LB_A} -j KUBE-FW-${A}`]: '',
        [`nat:KUBE-FW-${A}`]: `-s 192.0.2.0/24 -j KUBE-EXT-${A}`,
        [`nat:KUBE-EXT-${A}`]: '-j KUBE-MARK-MASQ',
      },
      b: { [`nat:KUBE-SVC-${B}`]: '-j B' },
    },
    there: [
      '*nat',
      ':KUBE-SERVICES - [0:0]',
      `:KUBE-EXT-${A} - [0:0]`,
      `-A KUBE-SERVICES ${LB_A} -j KUBE-EXT-${A}`,
      'COMMIT',
    ],
    options: { batch: 1 },
    payload: [
      [
        '*nat',
        `:KUBE-FW-${A} - [0:0]`,
        `:KUBE-EXT-${A} - [0:0]`,
        `-A KUBE-FW-${A} -s 192.0.2.0/24 -j KUBE-EXT-${A}`,
        `-A KUBE-EXT-${A} -j KUBE-MARK-MASQ`,
        `-I KUBE-SERVICES ${LB_A} -j KUBE-FW-${A}`,
        `-D KUBE-SERVICES ${LB_A} -j KUBE-EXT-${A}`,
        'COMMIT',
      ],
      ['*nat', `:KUBE-SVC-${B} - [0:0]`, `-A KUBE-SVC-${B} -j B`, 'COMMIT'],
    ],
  },
  {
    what: 'our rules go into chains of others, and nothing goes out of them',
    wanted: { [BASE]: { 'filter:KUBE-FIREWALL': '', 'filter:INPUT:-j KUBE-FIREWALL': '' } },
    there: [
      '*filter',
      ':INPUT ACCEPT [0:0]',
      ':KUBE-FIREWALL - [0:0]',
      ':CNI-A - [0:0]',
      '-A INPUT -m comment --comment "an older version’s" -j KUBE-SERVICES',
      '-A INPUT -j CNI-A',
      '-A KUBE-FIREWALL -m mark --mark 0x8000/0x8000 -j DROP',
      '-A CNI-A -j DROP',
      'COMMIT',
    ],
    payload: [['*filter', '-I INPUT -j KUBE-FIREWALL', 'COMMIT']],
  },
];

it.each(rows)('$what', ({ wanted, there, options, payload }) => {
  expect(plan(ruleset(wanted), there, options)).toEqual(payload);
});

describe('batches', () => {
  const many = Array.from({ length: 5 }, (_, i) => `nat:KUBE-SVC-AAAAAAAAAAAAAAA${'ABCDE'[i]}`);

  it('hold so many ServicePorts each', () => {
    const wanted = ruleset(Object.fromEntries(many.map((key) => [key, { [key]: '-j RETURN' }])));
    const sizes = plan(wanted, [], { batch: 2 }).map(
      (lines) => lines.filter((line) => line.startsWith(':')).length,
    );
    expect(sizes).toEqual([2, 2, 1]);
    expect(plan(wanted, [], { batch: Number.POSITIVE_INFINITY })).toHaveLength(1);
  });

  it('keep the chains of a ServicePort together, though they came one after the other', () => {
    const wanted = new Ruleset();
    wanted.set('a' as ServicePortKey, fragment({ [`nat:KUBE-SVC-${A}`]: '' }));
    wanted.set('b' as ServicePortKey, fragment({ [`nat:KUBE-SVC-${B}`]: '' }));
    wanted.set('a' as ServicePortKey, fragment(SERVING_A));
    const [first] = plan(wanted, BARE.slice(3), { batch: 1 });
    expect(first).toEqual(expect.arrayContaining([`:KUBE-SVC-${A} - [0:0]`, `:KUBE-SEP-${EP1} - [0:0]`]));
    expect(first?.join()).not.toContain(B);
  });

  it('of deletions are limited as well, on the nft backend only', () => {
    const there = [
      '*nat',
      ...Array.from({ length: 1500 }, (_, i) => `:KUBE-SEP-${String(i).padStart(16, 'A')} - [0:0]`),
    ];
    const deleted = (options?: PlanOptions) =>
      plan(new Ruleset(), there, options).map(
        (lines) => lines.filter((line) => line.startsWith('-X')).length,
      );
    expect(deleted()).toEqual([1000, 500]);
    expect(deleted({ batch: Number.POSITIVE_INFINITY })).toEqual([1500]);
  });
});

it('a plan says what the ledger holds after each COMMIT', () => {
  const ledger = adopt(parseSave(SAVED_A.join('\n')));
  const { sections, lines } = planIptables(ruleset(STATIC), ledger);
  expect(sections.map(({ table, changes }) => [table, Object.fromEntries(changes)])).toEqual([
    ['nat', Object.fromEntries(Object.keys(SERVING_A).map((key) => [key, undefined]))],
  ]);
  expect(lines).toBe(5);
});

it('a plan for some keys rewrites a shared chain without rules whose chains are still to come', () => {
  const wanted = ruleset({
    ...STATIC,
    a: SERVING_A,
    b: { [`nat:KUBE-SERVICES:-d 10.96.0.2/32 -j KUBE-SVC-${B}`]: '', [`nat:KUBE-SVC-${B}`]: '' },
  });
  const ledger = adopt(
    parseSave([...SAVED_A.slice(0, -1), '-A KUBE-SERVICES [unsupported revision]'].join('\n')),
  );
  const { sections } = planIptables(wanted, ledger, ['nat:KUBE-SERVICES']);
  expect(sections.map(({ text }) => text)).toEqual([
    `*nat\n:KUBE-SERVICES - [0:0]\n-A KUBE-SERVICES ${TO_A} -j KUBE-SVC-${A}\nCOMMIT\n`,
  ]);
});

it('a plan for some keys leaves all others alone', () => {
  const wanted = ruleset({ ...STATIC, a: SERVING_A });
  const ledger = adopt(parseSave(BARE.slice(3).join('\n')));
  const { sections } = planIptables(wanted, ledger, [`nat:KUBE-SEP-${EP1}`, 'nat:KUBE-SVC-NEVERSEENNNNNNNN']);
  expect(sections.map(({ text }) => text)).toEqual([
    `*nat\n:KUBE-SEP-${EP1} - [0:0]\n-A KUBE-SEP-${EP1} -j DNAT1\nCOMMIT\n`,
  ]);
});
