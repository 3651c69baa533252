import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type CorpusCase, corpusCases } from '../lab/corpus.ts';
import { differences } from './compare/dump.ts';
import { READERS } from './compare/readers.ts';
import { dryRunCase } from './in-process.ts';

/** What a dry run in iptables mode writes, by its path in a case's `expected/`. */
const FILES = ['iptables-save.txt', 'ip6tables-save.txt'];

const cases = await corpusCases();

it('has all cases', () => {
  expect(cases.map(({ name }) => name)).toHaveLength(32);
});

describe.each(cases)('what kube-proxy 1.36 programs for $name', (of) => {
  it.each(FILES)('%s', (file) => {
    const messages: string[] = [];
    const section = dryRunCase(of, (message) => messages.push(message)).find((entry) => entry.file === file);
    expect(difference(of, file, section?.text ?? '')).toEqual([]);
    expect(messages).toEqual([]);
  });
});

it('the comparison fails where the rules of another case are', () => {
  const [one, other] = [
    cases.find(({ name }) => name === 'clusterip-tcp'),
    cases.find(({ name }) => name === 'detect-none'),
  ];
  if (!one || !other) return expect.fail('cases of the corpus are missing');
  const [section] = dryRunCase(other);
  const found = difference(one, 'iptables-save.txt', section?.text ?? '');
  expect(found).toContainEqual(expect.stringMatching(/^nat KUBE-SERVICES: missing: -d 10\.96\./));
  expect(found).toContainEqual(expect.stringMatching(/^nat KUBE-SERVICES: extra: -d 10\.96\./));
});

/** What differs from what kube-proxy has programmed. */
function difference({ name }: CorpusCase, file: string, text: string): readonly string[] {
  const path = new URL(`../../fixtures/kube-proxy-1.36/${name}/expected/${file}`, import.meta.url);
  const read = READERS.get(file);
  if (!read) return expect.fail(`${file}: nothing reads it`);
  return differences(read(readFileSync(fileURLToPath(path), 'utf8')), read(text));
}
