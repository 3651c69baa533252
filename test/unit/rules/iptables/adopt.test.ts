import { describe, expect, it } from 'vitest';
import { adopt, DRIFT, programmedFragment } from '../../../../rules/iptables/adopt.ts';
import { parseSave } from '../../../../rules/iptables/save.ts';

const HASH = 'AAAAAAAAAAAAAAAA';
const LAST = '-m comment --comment "NOTE: this must be the last rule in this chain" -j KUBE-NODEPORTS';

interface Row {
  readonly what: string;
  readonly table?: 'nat' | 'filter' | 'mangle';
  /** Chains with their rules, as iptables-save prints them. */
  readonly chains: Readonly<Record<string, readonly string[]>>;
  readonly ledger: Readonly<Record<string, string>>;
}

const rows: readonly Row[] = [
  {
    what: 'a chain of our own is one object, whatever is in it',
    chains: { [`KUBE-SVC-${HASH}`]: ['-j KUBE-MARK-MASQ', '[unsupported revision]', '-j KUBE-MARK-MASQ'] },
    ledger: { [`nat:KUBE-SVC-${HASH}`]: '-j KUBE-MARK-MASQ\n[unsupported revision]\n-j KUBE-MARK-MASQ' },
  },
  {
    what: 'an empty chain of our own',
    table: 'mangle',
    chains: { 'KUBE-PROXY-CANARY': [] },
    ledger: { 'mangle:KUBE-PROXY-CANARY': '' },
  },
  {
    what: 'each rule of a shared chain is an object, in canonical spelling, and closing rules are the chain’s',
    chains: {
      'KUBE-SERVICES': [
        '-d 10.96.0.1 -j A',
        '-d 10.96.0.2/32 -j B',
        `-d 9.9.9.9/32 ${LAST}`,
        `-d 1.1.1.1/32 ${LAST}`,
      ],
    },
    ledger: {
      'nat:KUBE-SERVICES': `-d 1.1.1.1/32 ${LAST}\n-d 9.9.9.9/32 ${LAST}`,
      'nat:KUBE-SERVICES:-d 10.96.0.1/32 -j A': '',
      'nat:KUBE-SERVICES:-d 10.96.0.2/32 -j B': '',
    },
  },
  {
    what: 'a shared chain with a rule that does not parse has drifted',
    chains: { 'KUBE-NODEPORTS': ['-p tcp -j A', '[unsupported revision]'] },
    ledger: { 'nat:KUBE-NODEPORTS': DRIFT },
  },
  {
    what: 'a shared chain with a rule twice has drifted, also where it is spelled in two ways',
    chains: { 'KUBE-NODEPORTS': ['-d 10.0.0.1 -j A', '-d 10.0.0.1/32 -j A'] },
    ledger: { 'nat:KUBE-NODEPORTS': DRIFT },
  },
  {
    what: 'a closing rule before others has drifted',
    chains: { 'KUBE-SERVICES': [LAST, '-d 10.96.0.1/32 -j A'] },
    ledger: { 'nat:KUBE-SERVICES': DRIFT },
  },
  {
    what: 'of the kernel’s own chains only rules that lead to ours',
    table: 'filter',
    chains: {
      INPUT: ['-j CNI-A', '-j KUBE-FIREWALL', '-m comment --comment "x" -j KUBE-SERVICES'],
      'CNI-A': ['-j DROP'],
    },
    ledger: {
      'filter:INPUT:-j KUBE-FIREWALL': '',
      'filter:INPUT:-m comment --comment x -j KUBE-SERVICES': '',
    },
  },
  {
    what: 'KUBE-FIREWALL is also the kubelet’s: its rules are known, and the chain has no text',
    table: 'filter',
    chains: { 'KUBE-FIREWALL': ['-m mark --mark 0x8000/0x8000 -j DROP'] },
    ledger: { 'filter:KUBE-FIREWALL': '', 'filter:KUBE-FIREWALL:-m mark --mark 0x8000/0x8000 -j DROP': '' },
  },
  {
    what: 'chains of our names in tables where we have none are not ours',
    table: 'mangle',
    chains: { 'KUBE-SERVICES': ['-j DROP'], [`KUBE-SVC-${HASH}`]: ['-j DROP'], 'KUBE-KUBELET-CANARY': [] },
    ledger: {},
  },
];

describe('what is in the kernel, as objects', () => {
  it.each(rows)('$what', ({ table = 'nat', chains, ledger }) => {
    const text = [
      `*${table}`,
      ...Object.keys(chains).map((chain) => `:${chain} - [0:0]`),
      ...Object.entries(chains).flatMap(([chain, rules]) => rules.map((rule) => `-A ${chain} ${rule}`)),
      'COMMIT',
    ].join('\n');
    expect(Object.fromEntries(adopt(parseSave(text)))).toEqual(ledger);
  });
});

it('what is programmed in place of a fragment: its objects as they are, and the chains that those lead to', () => {
  const ledger = new Map([
    [`nat:KUBE-SVC-${HASH}`, '-j KUBE-SEP-BBBBBBBBBBBBBBBB'],
    ['nat:KUBE-SEP-BBBBBBBBBBBBBBBB', '-j DNAT'],
    [`nat:KUBE-SERVICES:-d 10.96.0.1/32 -j KUBE-SVC-${HASH}`, ''],
    ['nat:KUBE-SEP-CCCCCCCCCCCCCCCC', '-j DNAT'],
    ['nat:KUBE-NODEPORTS', DRIFT],
  ]);
  const wanted = [
    { key: `nat:KUBE-SERVICES:-d 10.96.0.1/32 -j KUBE-SVC-${HASH}`, text: '' },
    { key: `nat:KUBE-SVC-${HASH}`, text: '-j KUBE-SEP-DDDDDDDDDDDDDDDD' },
    { key: 'nat:KUBE-SEP-DDDDDDDDDDDDDDDD', text: '-j DNAT' },
    { key: 'nat:KUBE-NODEPORTS', text: '' },
  ];
  expect(programmedFragment(wanted, ledger)).toEqual([
    { key: `nat:KUBE-SERVICES:-d 10.96.0.1/32 -j KUBE-SVC-${HASH}`, text: '' },
    { key: `nat:KUBE-SVC-${HASH}`, text: '-j KUBE-SEP-BBBBBBBBBBBBBBBB' },
    { key: 'nat:KUBE-SEP-BBBBBBBBBBBBBBBB', text: '-j DNAT' },
  ]);
});
