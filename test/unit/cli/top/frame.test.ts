import { describe, expect, it } from 'vitest';
import type { ServicePortKey } from '../../../../rules/model.ts';
import { ageText, bars, latencyText, numberText, quantile } from '../../../../src/cli/top/figures.ts';
import { frameLines } from '../../../../src/cli/top/frame.ts';
import { familyState, NOW, nodeState, sync } from './states.ts';

function texts(...given: Parameters<typeof frameLines>): readonly string[] {
  return frameLines(...given).map(({ text }) => text.trimEnd());
}

const WEB = 'default/web:http/tcp' as ServicePortKey;

describe('a frame', () => {
  it('shows the node, its families, latency, and what changed last', () => {
    const syncs = [
      sync(90, [], { full: true, lines: 0, duration: 400 }),
      sync(30, ['default/web:http/tcp', 'default/web:https/tcp'], { duration: 20 }),
      sync(20, ['kube-system/kube-dns:dns/udp']),
      sync(3, ['default/web:http/tcp'], { duration: 8.25, lines: 12 }),
    ];
    expect(texts(nodeState({ syncs }))).toEqual([
      'fairlead 1.2.3 on node-1 (zone zone-a), nftables mode, up 3h',
      '1,234 Services',
      '',
      '      ServicePorts  endpoints  objects  syncs  failed   lines  put right  last sync',
      'IPv4         1,500      4,500   21,000     99       0  34,567          0         2s',
      '',
      'IPv4  half of 4 syncs within 12 ms, 99% 400 ms, last 8.3 ms  █▁▁▁',
      '',
      'Last changes',
      '   ago  Service                    syncs   latency    lines',
      '    3s  default/web                    2    8.3 ms       12',
      '   20s  kube-system/kube-dns           1     12 ms        4',
      '    1m  IPv4: everything compared      1    400 ms        0',
    ]);
  });

  it('says what is wrong, and how wrong', () => {
    const family = familyState({
      failing: { code: 'transient', message: 'the table is busy' },
      repaired: 7,
      lastRepair: NOW - 61_000,
      anotherProxy: NOW - 5_000,
      quarantined: {
        total: 9,
        items: [
          { servicePort: WEB, message: 'No chain', line: undefined, attempts: 3, retryAt: NOW + 30_000 },
        ],
      },
      contested: {
        total: 1,
        items: [
          { servicePort: WEB, winner: 'old/web:http/tcp' as ServicePortKey, what: 'node port 30080/tcp' },
        ],
      },
    });
    const shown = frameLines(nodeState({ families: [family] }));
    const from = shown.findIndex(({ text }) => text === 'Trouble');
    expect(shown.slice(from + 1, from + 7)).toEqual([
      { tone: 'bad', text: 'IPv4: syncs fail: the table is busy' },
      {
        tone: 'bad',
        text: 'IPv4: quarantined: default/web:http/tcp: No chain (tried 3 times, again in 30s)',
      },
      { tone: 'faint', text: '  and 8 more quarantined' },
      { tone: 'bad', text: 'IPv4: another proxy rewrites these rules, last 5s ago' },
      {
        tone: 'doubtful',
        text: 'IPv4: drift: 7 lines put right what somebody else had changed, last 1m ago',
      },
      {
        tone: 'doubtful',
        text: 'IPv4: default/web:http/tcp does not get node port 30080/tcp: old/web:http/tcp has it',
      },
    ]);
  });

  it('is no higher than the terminal, however much has changed, and keeps what matters', () => {
    const syncs = Array.from({ length: 200 }, (_, i) => sync(200 - i, [`default/s${i}:http/tcp`]));
    const shown = texts(nodeState({ syncs }), 24);
    expect(shown).toHaveLength(24);
    expect(shown[0]).toContain('fairlead 1.2.3');
    expect(shown[10]).toContain('default/s199');
    expect(texts(nodeState({ syncs }), 3)).toHaveLength(3);
  });

  it('has something to show before anything is programmed', () => {
    const shown = texts(nodeState({ families: [], services: 0, zone: '' }));
    expect(shown).toContain('nothing is programmed yet');
    expect(shown[0]).toBe('fairlead 1.2.3 on node-1, nftables mode, up 3h');
  });

  it.each([
    [{ failure: { code: 'refused', message: 'no' } }, 'IPv4: failed (refused)'],
    [{ repaired: 2, full: true }, 'IPv4: drift put right'],
    [{ repaired: 2 }, 'IPv4: drift put right'],
    [{ lines: 1 }, 'IPv4: what all share'],
    [{ servicePorts: { total: 500, items: [WEB] } }, 'IPv4: many ServicePorts at once'],
  ])('names a sync of no Service in particular: %j', (more, what) => {
    expect(texts(nodeState({ syncs: [sync(1, [], more)] })).join('\n')).toContain(what);
  });
});

describe('figures', () => {
  it.each([
    [0, 'now'],
    [59_400, '59s'],
    [3_599_000, '59m'],
    [7_500_000, '2h5m'],
    [90_000_000, '1d1h'],
    [172_800_000, '2d'],
  ])('an age of %d ms is %s', (ms, text) => expect(ageText(ms)).toBe(text));

  it.each([
    [0.04, '0.0 ms'],
    [9.96, '10.0 ms'],
    [999.4, '999 ms'],
    [1500, '1.5 s'],
    [12_345, '12 s'],
  ])('a latency of %d ms is %s', (ms, text) => expect(latencyText(ms)).toBe(text));

  it('groups digits', () => expect([7, 1234, 1234567].map(numberText)).toEqual(['7', '1,234', '1,234,567']));
  it('takes quantiles of what there is', () => {
    expect([0.5, 0.99, 1].map((share) => quantile([4, 1, 3, 2], share))).toEqual([2, 4, 4]);
  });
  it('draws no bars of nothing', () =>
    expect([bars([]), bars([0, 0]), bars([1, 2])]).toEqual(['', '▁▁', '▅█']));
});
