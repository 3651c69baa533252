import { describe, expect, it } from 'vitest';
import { printIpvsMode } from '../../rules/ipvs/sections.ts';
import { corpusCases } from '../lab/corpus.ts';
import { IPVS_READERS } from '../lab/vm/dumps.ts';
import { compileCase, expectedOutput, IPVS_FILES, planFrom } from '../lab/vm/ipvs-case.ts';
import { differences } from './compare/dump.ts';

const cases = await corpusCases();

it('has all cases', () => {
  expect(cases).toHaveLength(32);
});

describe.each(cases)('what kube-proxy 1.36 programs in ipvs mode for $name', (of) => {
  const { rulesets } = compileCase(of);
  const sections = printIpvsMode(rulesets);

  it('comes in the order of the tools', () => {
    expect(sections.map(({ file }) => file)).toEqual(IPVS_FILES);
  });

  it.each(sections)('$tool', ({ file, text }) => {
    const read = IPVS_READERS[file];
    if (!read) return expect.fail(`${file}: nothing reads it`);
    expect(differences(read(expectedOutput(of, file)), read(text))).toEqual([]);
  });

  it('is taken over from kube-proxy without writing anything', () => {
    const dump = new Map(IPVS_FILES.map((file) => [file, expectedOutput(of, file)]));
    expect(planFrom(dump, rulesets)).toEqual([]);
  });
});
