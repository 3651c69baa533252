import { describe, expect, it } from 'vitest';
import { NftError, NftModel } from './nftables.ts';
import { ROWS, START } from './nftables-rows.ts';

describe('a transaction with', () => {
  it.each(ROWS)('%s', (_, payload, refused) => {
    const model = new NftModel();
    model.apply(START);
    const before = model.list('ip t');
    if (refused === undefined) return model.apply(payload);
    const kind = (() => {
      try {
        model.apply(`add chain ip t first\n${payload}`);
        return undefined;
      } catch (error) {
        return error instanceof NftError ? error.kind : error;
      }
    })();
    expect(kind).toBe(refused);
    expect(model.list('ip t'), 'all or nothing').toBe(before);
  });
});

it('is looked at without being applied', () => {
  const model = new NftModel();
  model.apply(START);
  const before = model.list('ip t');
  model.check('add chain ip t q\n');
  expect(() => model.check('delete chain ip t c\n')).toThrow(NftError);
  expect(model.list('ip t')).toBe(before);
});
