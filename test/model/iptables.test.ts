import { describe, expect, it } from 'vitest';
import { IptablesModel, RestoreError, type RestoreErrorKind } from './iptables.ts';

const START = [
  '*nat',
  ':KUBE-SVC-A - [0:0]',
  ':KUBE-SEP-A - [0:0]',
  '-A KUBE-SVC-A -m comment --comment "a" -j KUBE-SEP-A',
  '-A KUBE-SEP-A -j RETURN',
  'COMMIT',
  '',
].join('\n');

function rules(model: IptablesModel, chain: string): readonly string[] | undefined {
  return model.tables.get('nat')?.get(chain)?.rules;
}

function payload(...lines: readonly string[]): string {
  return ['*nat', ...lines, 'COMMIT', ''].join('\n');
}

describe('iptables-restore --noflush', () => {
  it('empties a chain that it declares, and leaves others alone', () => {
    const model = new IptablesModel(START);
    model.restore(payload(':KUBE-SVC-A - [0:0]', '-A KUBE-SVC-A -j RETURN'));
    expect(rules(model, 'KUBE-SVC-A')).toEqual(['-j RETURN']);
    expect(rules(model, 'KUBE-SEP-A')).toEqual(['-j RETURN']);
  });

  it('does not empty a chain of the kernel', () => {
    const model = new IptablesModel(START);
    model.restore(payload('-A OUTPUT -j KUBE-SVC-A'));
    model.restore(payload(':OUTPUT ACCEPT [0:0]'));
    expect(rules(model, 'OUTPUT')).toEqual(['-j KUBE-SVC-A']);
  });

  it('inserts at the top, or at a place', () => {
    const model = new IptablesModel(START);
    model.restore(payload('-I KUBE-SEP-A -j ACCEPT', '-I KUBE-SEP-A 2 -j DROP'));
    expect(rules(model, 'KUBE-SEP-A')).toEqual(['-j ACCEPT', '-j DROP', '-j RETURN']);
  });

  it('deletes the first rule that means the same, however it is spelled', () => {
    const model = new IptablesModel(START);
    model.restore(payload('-A KUBE-SEP-A -s 10.0.0.1/32 -j DROP', '-A KUBE-SEP-A -s 10.0.0.1/32 -j DROP'));
    model.restore(payload('-D KUBE-SEP-A -s 10.0.0.1 -j DROP'));
    expect(rules(model, 'KUBE-SEP-A')).toEqual(['-j RETURN', '-s 10.0.0.1/32 -j DROP']);
  });

  it('tells the state after each COMMIT, and keeps what was committed before an error', () => {
    const model = new IptablesModel(START);
    const two = payload('-A KUBE-SEP-A -j DROP') + payload('-A KUBE-SEP-A -j ACCEPT');
    const states = model.restore(two);
    expect(states.map((tables) => tables.get('nat')?.get('KUBE-SEP-A')?.rules)).toEqual([
      ['-j RETURN', '-j DROP'],
      ['-j RETURN', '-j DROP', '-j ACCEPT'],
    ]);
    const broken = payload('-D KUBE-SEP-A -j DROP') + payload('-D KUBE-SEP-A -j ACCEPT', '-X KUBE-NONE');
    expect(() => model.restore(broken)).toThrow(RestoreError);
    expect(rules(model, 'KUBE-SEP-A')).toEqual(['-j RETURN', '-j ACCEPT']);
  });

  it('takes a chain away with the last rule that led to it', () => {
    const model = new IptablesModel(START);
    model.restore(payload(':KUBE-SVC-A - [0:0]', ':KUBE-SEP-A - [0:0]', '-X KUBE-SVC-A', '-X KUBE-SEP-A'));
    expect([rules(model, 'KUBE-SVC-A'), rules(model, 'KUBE-SEP-A')]).toEqual([undefined, undefined]);
  });

  it('prints what it reads', () => {
    const model = new IptablesModel(START);
    expect(new IptablesModel(model.save()).save()).toBe(model.save());
  });
});

const refusals: readonly { lines: readonly string[]; kind: RestoreErrorKind; line: number }[] = [
  { lines: ['-D KUBE-SVC-A -j DROP'], kind: 'no-such-rule', line: 2 },
  { lines: ['-D KUBE-NONE -j DROP'], kind: 'no-such-rule', line: 2 },
  { lines: ['-A KUBE-SEP-A -j DROP', '-A KUBE-NONE -j DROP'], kind: 'no-such-chain', line: 3 },
  { lines: ['-I KUBE-NONE -j DROP'], kind: 'no-such-chain', line: 2 },
  { lines: ['-A KUBE-SVC-A -m comment --comment "-j DROP" -j KUBE-NONE'], kind: 'no-such-target', line: 2 },
  { lines: ['-I KUBE-SEP-A 3 -j DROP'], kind: 'no-such-position', line: 2 },
  { lines: ['-X KUBE-NONE'], kind: 'no-such-chain', line: 2 },
  { lines: ['-X KUBE-SVC-A'], kind: 'busy', line: 2 },
  { lines: [':KUBE-SEP-A - [0:0]', '-X KUBE-SEP-A'], kind: 'busy', line: 3 },
  { lines: ['-X OUTPUT'], kind: 'busy', line: 2 },
  { lines: ['-Z KUBE-SEP-A'], kind: 'syntax', line: 2 },
];

describe.each(refusals)('$lines', ({ lines, kind, line }) => {
  it(`is refused as ${kind} in line ${line}, and changes nothing`, () => {
    const model = new IptablesModel(START);
    expect(() => model.restore(payload(...lines))).toThrow(expect.objectContaining({ kind, line }));
    expect(model.save()).toBe(new IptablesModel(START).save());
  });
});
