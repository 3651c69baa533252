import { execa } from 'execa';
import { describe, expect, it, test } from 'vitest';
import { COMMANDS } from '../../../../src/cli/commands.ts';
import { COMPLETION } from '../../../../src/cli/completion/command.ts';
import { vocabulary } from '../../../../src/cli/completion/vocabulary.ts';
import { fairlead } from '../fairlead.ts';
import { refusalOf } from './refusal.ts';

/** Reads a script without running it. */
const CHECKS = [
  ['bash', ['-n']],
  ['zsh', ['-n']],
  ['fish', ['--no-execute']],
] as const;

describe.each(CHECKS)('fairlead completion %s', (shell, check) => {
  it('prints a script with every command and its flags', async () => {
    const { exitCode, stdout, stderr } = await fairlead(['completion', shell]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    for (const { name, flags } of vocabulary(COMMANDS).commands) {
      expect(stdout).toContain(name);
      for (const flag of flags) expect(stdout).toMatch(new RegExp(`(--|-l |-s )${flag.name}\\b`));
    }
    const parsed = await execa(shell, check, { input: stdout, reject: false });
    // Where the shell is missing, nobody can tell.
    if (parsed.code !== 'ENOENT')
      expect({ stderr: parsed.stderr, exitCode: parsed.exitCode }).toMatchObject({ exitCode: 0 });
  });
});

test.each([
  [[], /the shell must be bash, zsh or fish: current value is ""/],
  [['csh'], /the shell must be bash, zsh or fish: current value is "csh"/],
  [['bash', 'zsh'], /current value is "bash zsh"/],
])('fairlead completion %j is wrong usage', async (operands, message) => {
  expect(await refusalOf(COMPLETION, operands)).toMatch(message);
});
