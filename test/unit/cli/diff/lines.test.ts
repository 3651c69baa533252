import fc from 'fast-check';
import { expect, it } from 'vitest';
import { lineDifference } from '../../../../src/cli/diff/lines.ts';

const LINES = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 12 });

function difference(before: readonly string[], after: readonly string[]) {
  return lineDifference(before, after, (i, j) => before[i] === after[j]);
}

it('is empty between equal lists, and only then', () => {
  fc.assert(
    fc.property(LINES, LINES, (before, after) => {
      expect(difference(before, after).length === 0).toBe(before.join() === after.join());
      expect(difference(before, before)).toEqual([]);
    }),
  );
});

it('takes away lines of the one and adds lines of the other, in their order, and no more than it must', () => {
  fc.assert(
    fc.property(LINES, LINES, (before, after) => {
      const lines = difference(before, after);
      const removed = lines.filter(({ sign }) => sign === '-').map(({ text }) => text);
      const added = lines.filter(({ sign }) => sign === '+').map(({ text }) => text);
      const common = longestCommon(before, after);
      expect(removed.length).toBe(before.length - common);
      expect(added.length).toBe(after.length - common);
      expect(longestCommon(before, removed)).toBe(removed.length);
      expect(longestCommon(after, added)).toBe(added.length);
    }),
  );
});

it('shows what goes before what comes in its place', () => {
  const signs = difference(['a', 'b', 'c'], ['a', 'x', 'c']).map(({ sign, text }) => `${sign}${text}`);
  expect(signs).toEqual(['-b', '+x']);
});

it('gives up on finding what very long lists have in common', () => {
  const before = Array.from({ length: 3000 }, (_, i) => `before ${i}`);
  const after = Array.from({ length: 3000 }, (_, i) => `after ${i}`);
  expect(difference(before, after)).toHaveLength(6000);
});

function longestCommon(one: readonly string[], other: readonly string[]): number {
  let row = new Array<number>(other.length + 1).fill(0);
  for (const a of one) {
    const next = [0];
    for (const [j, b] of other.entries()) {
      next.push(a === b ? (row[j] ?? 0) + 1 : Math.max(row[j + 1] ?? 0, next[j] ?? 0));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}
