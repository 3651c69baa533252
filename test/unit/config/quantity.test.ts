import { expect, test } from 'vitest';
import { parseQuantity } from '../../../src/config/quantity.ts';

test.each<[string, number | undefined]>([
  ['0', 0],
  ['512', 512],
  ['1k', 1_000],
  ['1K', 1_000],
  ['2Ki', 2_048],
  ['3M', 3_000_000],
  ['5Mi', 5 * 2 ** 20],
  ['4G', 4_000_000_000],
  ['6Gi', 6 * 2 ** 30],
  ['1.5Ki', 1_536],
  ['0.1', 1],
  ['-1', undefined],
  ['1ki', undefined],
  ['1 K', undefined],
  ['K', undefined],
  ['', undefined],
])('%j is %j bytes', (text, bytes) => {
  expect(parseQuantity(text)).toBe(bytes);
});
