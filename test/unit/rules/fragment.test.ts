import { describe, expect, it } from 'vitest';
import { type Fragment, Ruleset } from '../../../rules/fragment.ts';
import type { ServicePortKey } from '../../../rules/model.ts';

const A = 'default/a/tcp' as ServicePortKey;
const B = 'default/b/tcp' as ServicePortKey;
const C = 'default/c/tcp' as ServicePortKey;

/** `{ key: text }` as a fragment. */
function fragment(objects: Readonly<Record<string, string>>): Fragment {
  return Object.entries(objects).map(([key, text]) => ({ key, text }));
}

function contents(ruleset: Ruleset): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries([...ruleset.keys()].map((key) => [key, ruleset.text(key)]));
}

describe('a ruleset tells what changed', () => {
  it('when an owner comes, changes and goes', () => {
    const ruleset = new Ruleset();
    expect(ruleset.set(A, fragment({ x: '1', y: '1' }))).toEqual(['x', 'y']);
    expect(ruleset.set(A, fragment({ x: '1', y: '2', z: '1' }))).toEqual(['y', 'z']);
    expect(ruleset.set(A, fragment({ x: '1', y: '2', z: '1' }))).toEqual([]);
    expect(ruleset.set(A, fragment({ z: '1' }))).toEqual(['x', 'y']);
    expect(ruleset.set(A, undefined)).toEqual(['z']);
    expect([contents(ruleset), [...ruleset.owners()], ruleset.size]).toEqual([{}, [], 0]);
  });

  it('and nothing for an owner that it never had', () => {
    expect(new Ruleset().set(A, undefined)).toEqual([]);
  });
});

describe('an object that several own', () => {
  it('stays until its last owner goes, whoever goes first', () => {
    for (const [first, second] of [
      [A, B],
      [B, A],
    ] as const) {
      const ruleset = new Ruleset();
      ruleset.set(A, fragment({ shared: '1', a: '1' }));
      expect(ruleset.set(B, fragment({ shared: '1', b: '1' }))).toEqual(['b']);
      expect(ruleset.set(first, undefined)).toEqual([first === A ? 'a' : 'b']);
      expect(ruleset.text('shared')).toBe('1');
      expect(ruleset.owner('shared')).toBe(second);
      expect(ruleset.set(second, undefined)).toContain('shared');
      expect(ruleset.size).toBe(0);
    }
  });

  it('has the text of its first owner; the next is promoted', () => {
    const ruleset = new Ruleset();
    ruleset.set(A, fragment({ shared: 'a' }));
    ruleset.set(B, fragment({ shared: 'b' }));
    ruleset.set(C, fragment({ shared: 'b' }));
    expect([ruleset.text('shared'), ruleset.owner('shared')]).toEqual(['a', A]);
    expect(ruleset.set(A, undefined)).toEqual(['shared']);
    expect([ruleset.text('shared'), ruleset.owner('shared')]).toEqual(['b', B]);
    // The same text by another owner: nothing to write.
    expect(ruleset.set(B, undefined)).toEqual([]);
    expect([ruleset.text('shared'), ruleset.owner('shared')]).toEqual(['b', C]);
  });

  it('does not change when an owner behind the first does', () => {
    const ruleset = new Ruleset();
    ruleset.set(A, fragment({ shared: 'a' }));
    ruleset.set(B, fragment({ shared: 'b' }));
    ruleset.set(C, fragment({ shared: 'c' }));
    expect(ruleset.set(B, fragment({ shared: 'b2' }))).toEqual([]);
    expect(ruleset.set(B, undefined)).toEqual([]);
    expect(ruleset.set(A, fragment({ shared: 'a2' }))).toEqual(['shared']);
    expect(ruleset.set(A, undefined)).toEqual(['shared']);
    expect(ruleset.text('shared')).toBe('c');
  });

  it('counts once for an owner that names it twice', () => {
    const ruleset = new Ruleset();
    const twice = [...fragment({ x: '' }), ...fragment({ x: '' })];
    expect(ruleset.set(A, twice)).toEqual(['x']);
    expect(ruleset.set(A, twice)).toEqual([]);
    expect(ruleset.set(A, undefined)).toEqual(['x']);
    expect(ruleset.size).toBe(0);
  });
});
