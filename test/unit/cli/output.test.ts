import { closeSync, openSync } from 'node:fs';
import { execa } from 'execa';
import { describe, expect, it, test } from 'vitest';
import { jsonText, plain } from '../../../src/cli/output.ts';
import { MAIN } from './fairlead.ts';

describe('a text from elsewhere', () => {
  it.each([
    ['a terminal command', 'a\x1b[2Jb', 'a?[2Jb'],
    ['one of eight bits', 'a\x9b2Jb', 'a?2Jb'],
    ['another line', 'a\n✓ all well\r', 'a?✓ all well?'],
    ['a line for Unicode', 'a\u2028b\u2029c', 'a?b?c'],
    ['another direction', 'a\u202eb\u200bc', 'a?b?c'],
    ['nothing of the kind', 'Ä → 日本 “ok” 🚢', 'Ä → 日本 “ok” 🚢'],
  ])('with %s is one line of visible characters', (_, text, shown) => {
    expect(plain(text)).toBe(shown);
  });

  it('stays as it is for programs', () => {
    expect(JSON.parse(jsonText({ name: 'a\x1b\nb' }))).toEqual({ name: 'a\x1b\nb' });
  });
});

describe('where nothing can be written', () => {
  test.each([
    ['help', ['--help']],
    ['the help of a command', ['explain', '--help']],
    ['the version', ['--version']],
  ])('%s ends with 1, in one line', async (_, args) => {
    const { exitCode, stderr } = await fullDisk(args, 'stdout');
    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: 'fairlead: standard output cannot be written: no space left on device',
    });
  });

  test('messages are lost, the exit code is not', async () => {
    expect((await fullDisk(['--no-such-flag'], 'stderr')).exitCode).toBe(2);
    expect((await fullDisk(['--help'], 'stderr')).exitCode).toBe(0);
  });

  test.each([
    [['--no-such-flag'], 2],
    [['--help'], 0],
  ])('%j to pipes that nobody reads ends with %i', async (args, code) => {
    const run = execa(process.execPath, [MAIN, ...args], { reject: false, buffer: false });
    run.stdout.destroy();
    run.stderr.destroy();
    expect((await run).exitCode).toBe(code);
  });
});

async function fullDisk(args: readonly string[], stream: 'stdout' | 'stderr') {
  const full = openSync('/dev/full', 'w');
  try {
    return await execa(process.execPath, [MAIN, ...args], { [stream]: full, reject: false });
  } finally {
    closeSync(full);
  }
}
