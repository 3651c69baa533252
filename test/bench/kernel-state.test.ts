import { describe, expect, it } from 'vitest';
import { type KernelState, LegacyState, NftState } from './kernel-state.ts';
import { parseTransaction } from './transaction.ts';

function tell(state: KernelState, ...events: readonly string[]): void {
  for (const each of events) state.take(parseTransaction(`1000000\twhole\tiptables-nft-re\t${each}`));
}

it('reads what the watch prints', () => {
  const line = '3502988272849\tlost\tiptables-nft-re\t+rule ip nat KUBE-SERVICES=12,-chain ip6 nat A=B=1';
  expect(parseTransaction(line)).toEqual({
    at: 3502988.272849,
    whole: false,
    program: 'iptables-nft-re',
    events: new Map([
      ['+rule ip nat KUBE-SERVICES', 12],
      ['-chain ip6 nat A=B', 1],
    ]),
  });
  expect(parseTransaction('1\twhole\t\t').events.size).toBe(0);
});

describe('on the nft backend', () => {
  it('counts rules of the IPv4 nat table, and all writes', () => {
    const state = new NftState();
    tell(
      state,
      '+rule ip nat A=3,+chain ip nat A=1,+rule ip6 nat A=5,+rule ip filter B=7',
      '-rule ip nat A=1',
    );
    expect(state.writes).toBe(17);
    expect(state.has({ rules: 2, entries: 0 })).toBe(true);
    expect(state.has({ rules: 3, entries: 0 })).toBe(false);
  });

  it('counts another table, and the elements that lead to Services', () => {
    const state = new NftState('ip kube-proxy');
    tell(state, '+rule ip kube-proxy A=3,+rule ip nat A=5', '+element ip kube-proxy service-ips=2');
    tell(state, '-element ip kube-proxy service-ips=1,+value 10.0.0.1=1');
    expect(state.writes).toBe(11);
    expect(state.has({ rules: 3, entries: 0, elements: 1 })).toBe(true);
    expect(state.has({ rules: 3, entries: 0, elements: 2 })).toBe(false);
    expect(state.has({ rules: 4, entries: 0, elements: 1 })).toBe(false);
  });

  it('sees a sign once all of it has happened, in one transaction or in several', () => {
    const state = new NftState();
    tell(state, '+rule ip nat SVC=1,+chain ip nat SEP=1');
    const seen = state.expect({ events: ['+rule ip nat SVC', '+chain ip nat SEP'], entries: 0 });
    tell(state, '+rule ip nat OTHER=1');
    expect(seen()).toBe(false);
    tell(state, '+chain ip nat SEP=1');
    expect(seen()).toBe(false);
    tell(state, '+rule ip nat SVC=4');
    expect(seen()).toBe(true);
  });
});

describe('on the legacy backend', () => {
  it('knows how big the nat table is', () => {
    const state = new LegacyState();
    tell(state, 'nat=5,filter=4', 'nat=105,filter=4');
    expect(state.writes).toBe(2);
    expect(state.has({ rules: 0, entries: 105 })).toBe(true);
    expect(state.has({ rules: 0, entries: 106 })).toBe(false);
  });

  it('sees changes in the order in which they were made, however many come at once', () => {
    const state = new LegacyState();
    tell(state, 'nat=100');
    const expected = [5, 5, 5].map((entries) => state.expect({ events: [], entries }));
    const seen = () => expected.map((one) => one());
    expect(seen()).toEqual([false, false, false]);
    tell(state, 'nat=105');
    expect(seen()).toEqual([true, false, false]);
    tell(state, 'nat=115');
    expect(seen()).toEqual([true, true, true]);

    const removed = state.expect({ events: [], entries: -5 });
    expect(removed()).toBe(false);
    tell(state, 'nat=110');
    expect(removed()).toBe(true);
  });
});
