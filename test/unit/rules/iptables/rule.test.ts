import { describe, expect, it } from 'vitest';
import { canonicalRule, parseRule } from '../../../../rules/iptables/rule.ts';

describe('what other versions and people write, as iptables-save 1.8.9 prints it', () => {
  const rows: readonly { readonly what: string; readonly from: string; readonly to: string }[] = [
    { what: 'an address without its length', from: '-s 10.0.0.1 -j DROP', to: '-s 10.0.0.1/32 -j DROP' },
    { what: 'the same of IPv6', from: '-d 2001:DB8::1 -j DROP', to: '-d 2001:db8::1/128 -j DROP' },
    { what: 'a network with host bits', from: '-s 10.1.2.3/8 -j DROP', to: '-s 10.0.0.0/8 -j DROP' },
    { what: 'a whole family', from: '-s 0.0.0.0/0 -j DROP', to: '-s 0.0.0.0/0 -j DROP' },
    {
      what: 'another order of the basic matches',
      from: '-p tcp -d 10.0.0.1/32 ! -i eth0 -s 10.0.0.2/32 -j DROP',
      to: '-s 10.0.0.2/32 -d 10.0.0.1/32 ! -i eth0 -p tcp -j DROP',
    },
    {
      what: 'long names',
      from: '--source 10.0.0.1 --dst 10.0.0.2 --in-interface a --protocol udp --match udp --dport 53 --jump DROP',
      to: '-s 10.0.0.1/32 -d 10.0.0.2/32 -i a -p udp -m udp --dport 53 -j DROP',
    },
    { what: 'a protocol by its number', from: '-p 132 -j DROP', to: '-p sctp -j DROP' },
    {
      what: 'a port without the protocol’s match',
      from: '-p tcp --dport 80 -j DROP',
      to: '-p tcp -m tcp --dport 80 -j DROP',
    },
    {
      what: 'a comment of one plain word',
      from: '-m comment --comment "word" -j DROP',
      to: '-m comment --comment word -j DROP',
    },
    {
      what: 'a comment with a slash',
      from: '-m comment --comment default/web -j DROP',
      to: '-m comment --comment "default/web" -j DROP',
    },
    {
      what: 'quotes in a comment',
      from: '-m comment --comment "say \\"hi\\"" -j DROP',
      to: '-m comment --comment "say \\"hi\\"" -j DROP',
    },
    {
      what: 'a dash in quotes',
      from: '-m comment --comment "-j ACCEPT" -j DROP',
      to: '-m comment --comment "-j ACCEPT" -j DROP',
    },
    {
      what: 'an empty comment',
      from: '-m comment --comment "" -j DROP',
      to: '-m comment --comment "" -j DROP',
    },
    { what: '--or-mark', from: '-j MARK --or-mark 0x4000', to: '-j MARK --set-xmark 0x4000/0x4000' },
    { what: '--set-mark', from: '-j MARK --set-mark 16384', to: '-j MARK --set-xmark 0x4000/0xffffffff' },
    { what: '--set-mark with a mask', from: '-j MARK --set-mark 0x1/0xf', to: '-j MARK --set-xmark 0x1/0xf' },
    {
      what: 'a mark in decimals',
      from: '-m mark ! --mark 16384/16384 -j RETURN',
      to: '-m mark ! --mark 0x4000/0x4000 -j RETURN',
    },
    {
      what: 'states in another order',
      from: '-m conntrack --ctstate DNAT,ESTABLISHED,RELATED -j ACCEPT',
      to: '-m conntrack --ctstate RELATED,ESTABLISHED,DNAT -j ACCEPT',
    },
    {
      what: 'a probability with fewer decimals',
      from: '-m statistic --mode random --probability 0.5 -j A',
      to: '-m statistic --mode random --probability 0.50000000000 -j A',
    },
    {
      what: 'the nfacct name after one space, as from 1.8.10 on',
      from: '-m nfacct --nfacct-name x -j DROP',
      to: '-m nfacct --nfacct-name  x -j DROP',
    },
    { what: 'more white space', from: '  -s   10.0.0.1/32  -j   DROP ', to: '-s 10.0.0.1/32 -j DROP' },
    { what: 'a goto', from: '-s 10.0.0.1/32 --goto KUBE-X', to: '-s 10.0.0.1/32 -g KUBE-X' },
    { what: 'no target', from: '-s 10.0.0.1', to: '-s 10.0.0.1/32' },
    { what: 'nothing at all', from: '', to: '' },
    {
      what: 'options of the target',
      from: '-p tcp -j DNAT --to-destination 10.0.0.1:80 --random',
      to: '-p tcp -j DNAT --to-destination 10.0.0.1:80 --random',
    },
    {
      what: 'a value that begins with a dash and a digit',
      from: '-m set --priority -1 -j DROP',
      to: '-m set --priority -1 -j DROP',
    },
  ];
  it.each(rows)('$what', ({ from, to }) => {
    expect(canonicalRule(from)).toBe(to);
    expect(canonicalRule(to)).toBe(to);
  });
});

describe('no rule', () => {
  const rows = [
    'DROP',
    '[unsupported revision]',
    '-j',
    '-j DROP ACCEPT',
    '-s',
    '-m comment --comment "open -j DROP',
    '--dport 80 -j DROP',
    '!',
    '-s ! 10.0.0.1 -j DROP',
  ];
  it.each(rows)('%s', (text) => {
    expect(parseRule(text)).toBeUndefined();
  });
});

it('a rule is taken apart', () => {
  expect(
    parseRule(
      '! -s 10.0.0.0/8 -p tcp -m comment --comment "a b" -m tcp ! --dport 80 -j MARK --set-xmark 0x1/0x1',
    ),
  ).toEqual({
    base: new Map([
      ['-s', { value: '10.0.0.0/8', negated: true }],
      ['-p', { value: 'tcp', negated: false }],
    ]),
    matches: [
      { name: 'comment', options: [{ name: '--comment', negated: false, values: ['a b'] }] },
      { name: 'tcp', options: [{ name: '--dport', negated: true, values: ['80'] }] },
    ],
    target: {
      name: 'MARK',
      goto: false,
      options: [{ name: '--set-xmark', negated: false, values: ['0x1/0x1'] }],
    },
  });
});
