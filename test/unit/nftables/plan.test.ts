import { describe, expect, it } from 'vitest';
import { BASE, type Fragment, Ruleset } from '../../../rules/fragment.ts';
import type { ServicePortKey } from '../../../rules/model.ts';
import { DRIFT, type Ledger } from '../../../rules/nftables/adopt.ts';
import { chainObject, elementObject, setObject } from '../../../rules/nftables/objects.ts';
import { planNftables } from '../../../rules/nftables/plan.ts';

const STATIC: Fragment = [
  setObject('set', 'cluster-ips', ['type ipv4_addr', 'comment "Active ClusterIPs"']),
  setObject('map', 'service-ips', ['type ipv4_addr . inet_proto . inet_service : verdict']),
  setObject('map', 'no-endpoint-services', ['type ipv4_addr . inet_proto . inet_service : verdict']),
  chainObject('filter-input', [
    'type filter hook input priority filter; policy accept;',
    'ct state new drop',
  ]),
];
const SERVED: Fragment = [
  elementObject('service-ips', '10.96.0.1 . tcp . 80', ': goto service-a'),
  chainObject('service-a', ['meta l4proto tcp dnat to 10.244.0.1:80']),
];
const REFUSED: Fragment = [
  elementObject('no-endpoint-services', '10.96.0.1 . tcp . 80', 'comment "a" : goto reject-chain'),
];
const sticky = (timeout: string): Fragment => [
  setObject('set', 'affinity-a', ['type ipv4_addr', 'flags dynamic,timeout', `timeout ${timeout}`]),
  chainObject('endpoint-a', ['update @affinity-a { ip saddr }', 'meta l4proto tcp dnat to 10.244.0.1:80']),
];

function ruleset(own: Fragment, base = STATIC): Ruleset {
  const all = new Ruleset();
  all.set(BASE, base);
  all.set('default/a/tcp' as ServicePortKey, own);
  return all;
}

/** What a node has that has programmed this. */
function ledgerOf(own: Fragment, base = STATIC): Ledger {
  return new Map([['table', ''], ...[...base, ...own].map(({ key, text }) => [key, text] as const)]);
}

function payloads(from: Ledger, to: Ruleset): readonly (readonly string[])[] {
  return planNftables('ipv4', to, from).sections.map(({ text }) =>
    text
      .trim()
      .split('\n')
      .map((line) => line.replace(' ip kube-proxy', '')),
  );
}

describe('what is written', () => {
  it('on an empty node: what is pointed at first', () => {
    expect(payloads(new Map(), ruleset(SERVED))).toEqual([
      [
        'add table { comment "rules for kube-proxy" ; }',
        'add set cluster-ips { type ipv4_addr ; comment "Active ClusterIPs" ; }',
        'add map service-ips { type ipv4_addr . inet_proto . inet_service : verdict ; }',
        'add map no-endpoint-services { type ipv4_addr . inet_proto . inet_service : verdict ; }',
        'add chain filter-input { type filter hook input priority filter; policy accept; }',
        'add chain service-a',
        'add rule filter-input ct state new drop',
        'add rule service-a meta l4proto tcp dnat to 10.244.0.1:80',
        'add element service-ips { 10.96.0.1 . tcp . 80 : goto service-a }',
      ],
    ]);
  });

  it('where nothing has changed: nothing', () => {
    expect(payloads(ledgerOf(SERVED), ruleset(SERVED))).toEqual([]);
  });

  it('for another endpoint: its chain', () => {
    const changed = [...SERVED.slice(0, 1), chainObject('service-a', ['drop'])];
    expect(payloads(ledgerOf(SERVED), ruleset(changed))).toEqual([
      ['flush chain service-a', 'add rule service-a drop'],
    ]);
  });

  it('when the last endpoint goes: one step from served to refused, then the chain', () => {
    expect(payloads(ledgerOf(SERVED), ruleset(REFUSED))).toEqual([
      [
        'delete element service-ips { 10.96.0.1 . tcp . 80 }',
        'add element no-endpoint-services { 10.96.0.1 . tcp . 80 comment "a" : goto reject-chain }',
      ],
      ['flush chain service-a', 'delete chain service-a'],
    ]);
  });

  it('for an element that leads elsewhere: both commands in one transaction', () => {
    const changed = [
      elementObject('service-ips', '10.96.0.1 . tcp . 80', ': goto local-a'),
      chainObject('local-a', ['drop']),
    ];
    expect(payloads(ledgerOf(SERVED), ruleset(changed))).toEqual([
      [
        'delete element service-ips { 10.96.0.1 . tcp . 80 }',
        'add chain local-a',
        'add rule local-a drop',
        'add element service-ips { 10.96.0.1 . tcp . 80 : goto local-a }',
      ],
      ['flush chain service-a', 'delete chain service-a'],
    ]);
  });

  it('for another affinity timeout: the set anew, with the rules that use it', () => {
    expect(payloads(ledgerOf(sticky('1m')), ruleset(sticky('3h')))).toEqual([
      [
        'flush chain endpoint-a',
        'delete set affinity-a',
        'add set affinity-a { type ipv4_addr ; flags dynamic,timeout ; timeout 3h ; }',
        'add rule endpoint-a update @affinity-a { ip saddr }',
        'add rule endpoint-a meta l4proto tcp dnat to 10.244.0.1:80',
      ],
    ]);
  });

  it('for a base chain at another place: the chain anew', () => {
    const ledger = ledgerOf([]).set(
      'chain filter-input',
      'type filter hook input priority 5; policy accept;',
    );
    expect(payloads(ledger, ruleset([]))).toEqual([
      [
        'flush chain filter-input',
        'delete chain filter-input',
        'add chain filter-input { type filter hook input priority filter; policy accept; }',
        'add rule filter-input ct state new drop',
      ],
    ]);
  });

  it('for another comment: nothing', () => {
    const ledger = ledgerOf([]).set('set cluster-ips', 'type ipv4_addr');
    expect(payloads(ledger, ruleset([]))).toEqual([]);
  });

  it.each([
    ['a table that nothing is known of', new Map([['table', DRIFT]])],
    ['a shared map of another type', ledgerOf(SERVED).set('map service-ips', 'type inet_service : verdict')],
  ])('for %s: everything, in one transaction', (_, ledger) => {
    const [first, ...others] = payloads(ledger, ruleset(SERVED));
    expect(first?.slice(0, 3)).toEqual([
      'add table',
      'delete table',
      'add table { comment "rules for kube-proxy" ; }',
    ]);
    expect(first).toContain('add element service-ips { 10.96.0.1 . tcp . 80 : goto service-a }');
    expect(others).toEqual([]);
  });

  it('for what somebody has put into the table: its end, whatever points at whatever', () => {
    const ledger = ledgerOf([])
      .set('chain one', 'jump two')
      .set('chain two', 'ip saddr vmap @odd')
      .set('map odd', 'type ipv4_addr : verdict')
      .set('element odd 192.0.2.1', ': goto one');
    expect(payloads(ledger, ruleset([]))).toEqual([
      ['flush chain one', 'flush chain two', 'delete map odd', 'delete chain one', 'delete chain two'],
    ]);
    const plan = planNftables('ipv4', ruleset([]), ledger);
    expect(plan.sections[0]?.changes).toEqual(
      new Map(['chain one', 'chain two', 'map odd', 'element odd 192.0.2.1'].map((key) => [key, undefined])),
    );
  });
});

describe('what nothing leads to any more', () => {
  const [gone, chain] = [ruleset([]), 'chain service-a'];
  const keys = ['element service-ips 10.96.0.1 . tcp . 80', chain];

  it('may be left for the next plan', () => {
    const plan = planNftables('ipv4', gone, ledgerOf(SERVED), keys, { loose: new Set() });
    expect(plan.sections.map(({ text }) => text)).toEqual([
      'delete element ip kube-proxy service-ips { 10.96.0.1 . tcp . 80 }\n',
    ]);
    expect(plan.later).toEqual([chain]);
  });

  it('goes in the transaction of the next change', () => {
    const after = ruleset([chainObject('service-b', ['drop'])]);
    const ledger = ledgerOf([chainObject('service-a', ['drop'])]);
    const plan = planNftables('ipv4', after, ledger, [chain, 'chain service-b'], { loose: new Set([chain]) });
    expect(plan.sections.map(({ text }) => text.trim().split('\n'))).toEqual([
      [
        'flush chain ip kube-proxy service-a',
        'delete chain ip kube-proxy service-a',
        'add chain ip kube-proxy service-b',
        'add rule ip kube-proxy service-b drop',
      ],
    ]);
    expect(plan.later).toEqual([]);
  });

  it('goes at once where everything is planned', () => {
    const plan = planNftables('ipv4', gone, ledgerOf(SERVED));
    expect(plan.sections).toHaveLength(2);
    expect(plan.later).toEqual([]);
  });
});
