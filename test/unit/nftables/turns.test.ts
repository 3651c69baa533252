import { expect, it } from 'vitest';
import { Turns } from '../../../src/dataplane/nftables/turns.ts';

/** Work that goes on until it is told to end, and what has begun so far. */
function works() {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const work = (name: string) => () =>
    new Promise<string>((resolve) => {
      begun.push(name);
      ends.set(name, () => resolve(name));
    });
  return { begun, work, end: (name: string) => ends.get(name)?.() };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

it('a writer waits for readers, and no reader for another', async () => {
  const { begun, work, end } = works();
  const turns = new Turns();
  const all = [turns.read(work('r1')), turns.write(work('w1')), turns.read(work('r2'))];
  await settle();
  expect(begun).toEqual(['r1', 'r2']);
  end('r1');
  await settle();
  expect(begun).toEqual(['r1', 'r2']);
  end('r2');
  await settle();
  expect(begun).toEqual(['r1', 'r2', 'w1']);
  end('w1');
  expect(await Promise.all(all)).toEqual(['r1', 'w1', 'r2']);
});

it('a reader waits for writers that have begun, and those that come later wait for it', async () => {
  const { begun, work, end } = works();
  const turns = new Turns();
  const all = [
    turns.write(work('w1')),
    turns.write(work('w2')),
    turns.read(work('r')),
    turns.write(work('w3')),
  ];
  await settle();
  expect(begun).toEqual(['w1', 'w2']);
  end('w1');
  end('w2');
  await settle();
  expect(begun).toEqual(['w1', 'w2', 'r']);
  end('r');
  await settle();
  end('w3');
  await Promise.all(all);
  expect(begun).toEqual(['w1', 'w2', 'r', 'w3']);
});

it('what fails gives its turn back', async () => {
  const turns = new Turns();
  await expect(turns.read(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  await expect(turns.write(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await turns.read(async () => 'read')).toBe('read');
  expect(await turns.write(async () => 'written')).toBe('written');
});
