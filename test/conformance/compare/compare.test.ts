import { describe, expect, it } from 'vitest';
import { differences } from './dump.ts';
import { readIptablesSave } from './iptables-save.ts';

const LAST = '-m comment --comment "NOTE: this must be the last rule in this chain" -j KUBE-NODEPORTS';
const EXPECTED = save({
  'KUBE-SERVICES': ['-d 10.96.0.1/32 -j KUBE-SVC-A', '-d 10.96.0.2/32 -j KUBE-SVC-B', LAST],
  'KUBE-SVC-A': ['-m comment --comment "masquerade" -j KUBE-MARK-MASQ', '-j KUBE-SEP-A'],
});

/** A nat table with these chains. */
function save(chains: Readonly<Record<string, readonly string[]>>): string {
  return [
    '*nat',
    ':PREROUTING ACCEPT [0:0]',
    ...Object.keys(chains).map((chain) => `:${chain} - [0:0]`),
    ...Object.entries(chains).flatMap(([chain, rules]) => rules.map((rule) => `-A ${chain} ${rule}`)),
    'COMMIT',
    '',
  ].join('\n');
}

function compare(actual: string): readonly string[] {
  return differences(readIptablesSave(EXPECTED), readIptablesSave(actual));
}

describe('two dumps are equal', () => {
  it('where they are the same', () => {
    expect(compare(EXPECTED)).toEqual([]);
  });

  it('where only counters differ', () => {
    const counted = EXPECTED.replaceAll('[0:0]', '[7:420]').replace(
      '-A KUBE-SVC-A -j',
      '[1:60] -A KUBE-SVC-A -j',
    );
    expect(counted).not.toBe(EXPECTED);
    expect(compare(counted)).toEqual([]);
  });

  it('where chains, and rules of a chain without order, are in another order', () => {
    const other = save({
      'KUBE-SVC-A': ['-m comment --comment "masquerade" -j KUBE-MARK-MASQ', '-j KUBE-SEP-A'],
      'KUBE-SERVICES': ['-d 10.96.0.2/32 -j KUBE-SVC-B', '-d 10.96.0.1/32 -j KUBE-SVC-A', LAST],
    });
    expect(compare(other)).toEqual([]);
  });
});

describe('a difference is named', () => {
  const rows: readonly { what: string; from: string; to: string; differences: readonly string[] }[] = [
    {
      what: 'a missing rule',
      from: '-A KUBE-SVC-A -j KUBE-SEP-A\n',
      to: '',
      differences: ['nat KUBE-SVC-A: missing: -j KUBE-SEP-A'],
    },
    {
      what: 'an extra rule',
      from: '-A KUBE-SVC-A -j KUBE-SEP-A\n',
      to: '-A KUBE-SVC-A -j KUBE-SEP-A\n-A KUBE-SVC-A -j KUBE-SEP-B\n',
      differences: ['nat KUBE-SVC-A: extra: -j KUBE-SEP-B'],
    },
    {
      what: 'a rule that is there twice, even in a chain without order',
      from: '-A KUBE-SERVICES -d 10.96.0.1/32 -j KUBE-SVC-A\n',
      to: '-A KUBE-SERVICES -d 10.96.0.1/32 -j KUBE-SVC-A\n-A KUBE-SERVICES -d 10.96.0.1/32 -j KUBE-SVC-A\n',
      differences: ['nat KUBE-SERVICES: extra: -d 10.96.0.1/32 -j KUBE-SVC-A'],
    },
    {
      what: 'another order of an ordered chain',
      from: '-A KUBE-SVC-A -m comment --comment "masquerade" -j KUBE-MARK-MASQ\n-A KUBE-SVC-A -j KUBE-SEP-A\n',
      to: '-A KUBE-SVC-A -j KUBE-SEP-A\n-A KUBE-SVC-A -m comment --comment "masquerade" -j KUBE-MARK-MASQ\n',
      differences: [
        'nat KUBE-SVC-A: other order, line 2: expected -m comment --comment "masquerade" -j KUBE-MARK-MASQ, but found -j KUBE-SEP-A',
        'nat KUBE-SVC-A: other order, line 3: expected -j KUBE-SEP-A, but found -m comment --comment "masquerade" -j KUBE-MARK-MASQ',
      ],
    },
    {
      what: 'a closing rule that is not the last one',
      from: `-A KUBE-SERVICES -d 10.96.0.2/32 -j KUBE-SVC-B\n-A KUBE-SERVICES ${LAST}\n`,
      to: `-A KUBE-SERVICES ${LAST}\n-A KUBE-SERVICES -d 10.96.0.2/32 -j KUBE-SVC-B\n`,
      differences: [
        `nat KUBE-SERVICES: extra: ${LAST}`,
        `nat KUBE-SERVICES (closing rules): missing: ${LAST}`,
      ],
    },
    {
      what: 'a missing chain, though nothing is in it',
      from: ':KUBE-SVC-A - [0:0]\n',
      to: ':KUBE-SVC-A - [0:0]\n:KUBE-PROXY-CANARY - [0:0]\n',
      differences: ['nat KUBE-PROXY-CANARY: extra, with 1 lines'],
    },
    {
      what: 'another policy',
      from: ':PREROUTING ACCEPT',
      to: ':PREROUTING DROP',
      differences: ['nat PREROUTING: missing: policy ACCEPT', 'nat PREROUTING: extra: policy DROP'],
    },
    {
      what: 'the same rule in another table',
      from: '*nat',
      to: '*filter',
      differences: expect.arrayContaining([
        'nat KUBE-SVC-A: missing, with 3 lines',
        'filter KUBE-SVC-A: extra, with 3 lines',
      ]),
    },
  ];
  for (const row of rows) {
    it(row.what, () => {
      expect(EXPECTED).toContain(row.from);
      expect(compare(EXPECTED.replace(row.from, row.to))).toEqual(row.differences);
    });
  }
});
