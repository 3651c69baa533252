import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { linesOf, type Outcome, outcomeOf } from './cli/outcome.ts';
import { flawsOf } from './cli/save-check.ts';

const DIRECTORY = fileURLToPath(new URL('../../fixtures/bad-input/', import.meta.url));
const GOOD = `${DIRECTORY}good.yaml`;
const CASES = readdirSync(DIRECTORY)
  .filter((name) => name.endsWith('.expected'))
  .map((name) => name.replace(/\.expected$/, ''));

describe('a manifest that is wrong costs the smallest unit, and says so', () => {
  const alone = new Set(linesOf(outcomeOf([GOOD])));

  test('the good part alone is good', () => {
    expect(outcomeOf([GOOD])).toMatchObject({ exitCode: 0, messages: [] });
    expect([...alone]).toContainEqual(expect.stringContaining('--to-destination 10.244.1.80:8080'));
    expect([...alone]).toContainEqual(expect.stringContaining('--to-destination [fd00:10:244:1::80]:8080'));
  });

  test('every file is a case', () => {
    const files = readdirSync(DIRECTORY).filter((name) => !/\.(expected|md)$/.test(name));
    expect(files.sort()).toEqual(['good.yaml', ...CASES].sort());
    expect(CASES.length).toBeGreaterThanOrEqual(60);
  });

  test.each(CASES)('%s', (name) => {
    const outcome = outcomeOf([GOOD, DIRECTORY + name]);
    const expected = readFileSync(`${DIRECTORY}${name}.expected`, 'utf8').split('\n');
    expect(summary(outcome, alone)).toEqual(expected.filter((line) => line !== '' && !line.startsWith('#')));

    for (const message of outcome.messages) expect(message).toMatch(/^[\p{L}\p{N}\p{P}\p{S} ]{1,500}$/u);
    if (outcome.exitCode !== 0) return;
    const lines = new Set(linesOf(outcome));
    expect([...alone].filter((line) => !lines.has(line))).toEqual([]);
    for (const { text } of outcome.sections) expect(flawsOf(text)).toEqual([]);
  });
});

/** As the `.expected` files have it. */
function summary(outcome: Outcome, alone: ReadonlySet<string>): readonly string[] {
  return [
    `exit ${outcome.exitCode}`,
    ...outcome.messages.map((message) => `! ${message.replaceAll(DIRECTORY, '')}`),
    ...linesOf(outcome).filter((line) => line.startsWith('-A ', 2) && !alone.has(line)),
  ];
}
