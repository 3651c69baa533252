import { describe, expect, it } from 'vitest';
import { inProxyOrder, partialRewrite, singlePayload } from './classic.ts';
import { completeCommand, shortName, splitCommand } from './command-line.ts';
import { payloadLines } from './recorder.ts';
import { countRules, differingRules, natSize } from './save-text.ts';
import { formatCount, formatRatio, formatTable, formatTime } from './table.ts';
import { parseCpuTime, parseMemory } from './usage.ts';

const SAVE = `*filter
:INPUT ACCEPT [0:0]
:KUBE-NODEPORTS - [0:0]
-A INPUT -j KUBE-NODEPORTS
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:KUBE-SEP-A - [0:0]
:KUBE-SEP-B - [0:0]
:KUBE-SERVICES - [0:0]
:KUBE-SVC-A - [0:0]
:KUBE-SVC-B - [0:0]
-A PREROUTING -j KUBE-SERVICES
-A KUBE-SEP-A -j DNAT
-A KUBE-SEP-B -j DNAT
-A KUBE-SERVICES -d 10.0.0.1/32 -j KUBE-SVC-A
-A KUBE-SERVICES -d 10.0.0.2/32 -j KUBE-SVC-B
-A KUBE-SVC-A ! -s 10.1.0.0/16 -j KUBE-MARK-MASQ
-A KUBE-SVC-A -j KUBE-SEP-A
-A KUBE-SVC-B -j KUBE-SEP-B
COMMIT
`;

describe('the classic strategies', () => {
  it('rewrite KUBE-SERVICES and the chains of what changed', () => {
    expect(partialRewrite(SAVE, 'KUBE-SVC-A').split('\n')).toEqual([
      '*filter',
      ':KUBE-NODEPORTS - [0:0]',
      'COMMIT',
      '*nat',
      ':KUBE-SEP-A - [0:0]',
      ':KUBE-SERVICES - [0:0]',
      ':KUBE-SVC-A - [0:0]',
      '-A KUBE-SEP-A -j DNAT',
      '-A KUBE-SERVICES -d 10.0.0.1/32 -j KUBE-SVC-A',
      '-A KUBE-SERVICES -d 10.0.0.2/32 -j KUBE-SVC-B',
      '-A KUBE-SVC-A ! -s 10.1.0.0/16 -j KUBE-MARK-MASQ',
      '-A KUBE-SVC-A -j KUBE-SEP-A',
      'COMMIT',
      '',
    ]);
  });

  it('order chains by ServicePorts, and change nothing else', () => {
    const text = inProxyOrder(SAVE);
    expect(text.split('\n').filter((line) => /^:KUBE-S/.test(line))).toEqual([
      ':KUBE-SERVICES - [0:0]',
      ':KUBE-SVC-A - [0:0]',
      ':KUBE-SEP-A - [0:0]',
      ':KUBE-SVC-B - [0:0]',
      ':KUBE-SEP-B - [0:0]',
    ]);
    expect(text.split('\n').toSorted()).toEqual(SAVE.split('\n').toSorted());
    expect(text).toMatch(/^\*filter\n:INPUT(.|\n)*COMMIT\n\*nat\n:PREROUTING(.|\n)*COMMIT\n$/);
  });

  it('or write everything, but for the jumps that would be there twice', () => {
    const text = singlePayload(SAVE);
    expect(text).not.toContain('PREROUTING');
    expect(text).not.toContain('INPUT');
    expect(countRules(text)).toBe(countRules(SAVE) - 2);
  });
});

it('lines of a payload that change something are counted', () => {
  expect(payloadLines({ tool: '', text: '# why\n*nat\n:A - [0:0]\n-A A -j B\n-X C\nCOMMIT\n' })).toBe(3);
});

it('the size of the nat table is as the kernel counts it', () => {
  expect(natSize(SAVE)).toEqual({ rules: 8, entries: 4 + 5 * 2 + 8 + 1 });
});

it('rules are compared wherever they stand', () => {
  const other = SAVE.replace('-A KUBE-SEP-A -j DNAT\n', '').replace(
    'COMMIT',
    '-A KUBE-SEP-A -j DNAT\nCOMMIT',
  );
  expect(differingRules(SAVE, other)).toEqual([]);
  expect(differingRules(SAVE, SAVE.replace('10.0.0.2', '10.0.0.3'))).toEqual([
    '-A KUBE-SERVICES -d 10.0.0.2/32 -j KUBE-SVC-B',
    '-A KUBE-SERVICES -d 10.0.0.3/32 -j KUBE-SVC-B',
  ]);
});

describe('a command line', () => {
  it.each([
    ['kube-proxy --v 2', ['kube-proxy', '--v', '2']],
    [' a  b\tc ', ['a', 'b', 'c']],
    [`a "b c" 'd "e"' f\\ g`, ['a', 'b c', 'd "e"', 'f g']],
    [`--name=''x"y z"`, ['--name=xy z']],
    [`a ''`, ['a', '']],
  ])('%s is split as a shell does', (text, words) => {
    expect(splitCommand(text)).toEqual(words);
  });

  it.each(['a "b', "'", '  '])('%j is refused', (text) => {
    expect(() => splitCommand(text)).toThrow();
  });

  it('gets what it asks for, else a config', () => {
    const values = { config: '/tmp/c', node: 'node-1' };
    expect(completeCommand(['p', '--name={node}', '{else}'], values)).toEqual([
      'p',
      '--name=node-1',
      '{else}',
    ]);
    expect(completeCommand(['p', '-v'], values)).toEqual(['p', '-v', '--config', '/tmp/c']);
  });

  it('has a short name', () => {
    expect(shortName(['/usr/bin/kube-proxy', '--config', '/tmp/x/config'])).toBe(
      'kube-proxy --config config',
    );
    expect(shortName(['a', 'b'.repeat(50)], 10)).toBe('a bbbbb...');
  });
});

describe('/proc', () => {
  it('has CPU times behind a name that may hold anything', () => {
    const stat = '42 (no) de (x) S 1 42 42 0 -1 4194304 100 200 0 0 250 50 30 7 20 0 11 0 5 6 7';
    expect(parseCpuTime(stat)).toEqual({ own: 3000, children: 370 });
  });

  it('has memory, unless the process has just ended', () => {
    expect(parseMemory('Name:\tnode\nVmHWM:\t  100000 kB\nVmRSS:\t   50000 kB\n')).toEqual({
      now: 51.2,
      peak: 102.4,
    });
    expect(parseMemory('Name:\tnode\nState:\tZ (zombie)\n')).toEqual({ now: 0, peak: 0 });
  });
});

describe('tables', () => {
  it('align', () => {
    const rows = [
      { heading: 'cold start' },
      { cells: ['  fairlead', '3', '1.50 s'] },
      { cells: ['  x', '10'] },
    ];
    expect(formatTable(['', 'n', 'p50'], rows).split('\n')).toEqual([
      '             n     p50',
      '----------------------',
      'cold start',
      '  fairlead   3  1.50 s',
      '  x         10',
      '',
    ]);
  });

  it.each([
    [0.1234, '0.12 ms'],
    [8.314, '8.31 ms'],
    [9.996, '10.0 ms'],
    [12.34, '12.3 ms'],
    [123.4, '123 ms'],
    [1234, '1.23 s'],
    [35_120, '35.1 s'],
  ])('%d ms is %s', (ms, expected) => {
    expect(formatTime(ms)).toBe(expected);
  });

  it.each([
    [0.04, '0.04x'],
    [0.96, '1.0x'],
    [1.26, '1.3x'],
    [27.4, '27x'],
    [1234, '1,234x'],
  ])('the ratio %d is %s', (ratio, expected) => {
    expect(formatRatio(ratio)).toBe(expected);
  });

  it('count', () => {
    expect([0, 2.5, 10.2, 75_036].map(formatCount)).toEqual(['0', '2.5', '10', '75,036']);
  });
});
