import { describe, expect, it } from 'vitest';
import { BASE, type Fragment, Ruleset } from '../../../rules/fragment.ts';
import type { ServicePortKey } from '../../../rules/model.ts';
import { LookRound, lookText } from '../../../rules/nftables/look.ts';
import { chainObject, elementObject, setObject } from '../../../rules/nftables/objects.ts';

const STATIC: Fragment = [
  setObject('map', 'service-ips', ['type ipv4_addr . inet_proto . inet_service : verdict']),
  chainObject('nat-prerouting', [
    'type nat hook prerouting priority dstnat; policy accept;',
    'jump services',
    'drop',
  ]),
  chainObject('empty', []),
];

function ruleset(services: number): Ruleset {
  const all = new Ruleset();
  all.set(BASE, STATIC);
  for (let i = 0; i < services; i++) all.set(owner(i), fragment(i));
  return all;
}

function owner(i: number): ServicePortKey {
  return `default/s${i}/tcp` as ServicePortKey;
}

function fragment(i: number): Fragment {
  return [
    elementObject('service-ips', `10.96.0.${i} . tcp . 80`, `: goto service-${i}`),
    chainObject(`service-${i}`, ['drop']),
  ];
}

describe('what is looked at', () => {
  it('is whether chains have their rules, and whether elements are there', () => {
    const all = ruleset(1);
    expect(lookText('ipv6', all, all.keys()).trim().split('\n')).toEqual([
      'add rule ip6 kube-proxy nat-prerouting index 1 continue',
      'add rule ip6 kube-proxy empty continue',
      'delete element ip6 kube-proxy service-ips { 10.96.0.0 . tcp . 80 }',
      'add rule ip6 kube-proxy service-0 index 0 continue',
    ]);
  });

  it('are the static objects each time, and all others in the course of some looks', () => {
    const all = ruleset(10);
    const round = new LookRound(all);
    const looks = Array.from({ length: 5 }, () => [...round.next(6)]);
    for (const look of looks) {
      expect(look).toEqual(expect.arrayContaining(STATIC.map(({ key }) => key)));
      expect(look.length).toBeLessThanOrEqual(STATIC.length + 7);
    }
    expect(new Set(looks.flat())).toEqual(new Set(all.keys()));
  });

  it('is an element of each map at each look, one that should be there', () => {
    const all = ruleset(10);
    const round = new LookRound(all);
    round.next(4);
    all.set(owner(0), undefined);
    for (let i = 0; i < 10; i++) {
      const look = [...round.next(4)];
      expect(look.some((key) => key.startsWith('element service-ips'))).toBe(true);
      expect(look.filter((key) => all.text(key) === undefined)).toEqual([]);
    }
  });

  it('is nothing twice, as the kernel could not delete it twice', () => {
    const all = ruleset(3);
    const round = new LookRound(all);
    for (let i = 0; i < 5; i++) {
      const lines = lookText('ipv4', all, round.next(100)).trim().split('\n');
      expect(new Set(lines).size).toBe(lines.length);
    }
  });
});
