import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it, test } from 'vitest';
import { COMMANDS } from '../../../../src/cli/commands.ts';
import { HELP } from '../../../../src/cli/help/command.ts';
import { FLAGS } from '../../../../src/config/flags.ts';
import { commandHelp } from '../../../../src/config/help.ts';
import { fairlead, ROOT } from '../fairlead.ts';
import { refusalOf } from './refusal.ts';

describe('fairlead help', () => {
  it('is what --help prints, with every command', async () => {
    const [help, flag] = await Promise.all([fairlead(['help']), fairlead(['--help'])]);
    expect(help).toEqual({ exitCode: 0, stdout: flag.stdout, stderr: '' });
    for (const { name, summary } of COMMANDS) expect(help.stdout).toContain(`${name.padEnd(12)}${summary}`);
  });

  it('of a command is what its --help prints', async () => {
    const [help, flag] = await Promise.all([fairlead(['help', 'diff']), fairlead(['diff', '--help'])]);
    expect(help).toEqual({ exitCode: 0, stdout: flag.stdout, stderr: '' });
  });

  it.each(COMMANDS.map((command) => [command.name, command] as const))(
    '%s has its flags, and examples',
    (_, command) => {
      const help = commandHelp(command);
      expect(command.examples.length).toBeGreaterThan(0);
      for (const { line, does } of command.examples) expect(help).toContain(`  ${line}\n      ${does}\n`);
      for (const own of command.flags) expect(help).toContain(`--${own.name}`);
    },
  );

  test.each([
    [['dif'], '"dif" is no command of fairlead, did you mean diff?'],
    [['diff', 'top'], 'fairlead help takes one command: "top" is one more'],
    [['diff', '-o', 'man'], '--output=man has the whole manual: it takes no command'],
  ])('does not take %j', async (argv, message) => {
    expect(await refusalOf(HELP, argv)).toBe(message);
  });

  test.each([
    [['docter'], '"docter" is no command of fairlead, did you mean doctor?'],
    [['frobnicate'], '"frobnicate" is no command of fairlead, fairlead help lists them'],
    [['--mode=ipvs', 'diff'], '"diff" is a command, which comes first: fairlead diff'],
  ])('fairlead %j is wrong usage, and says what was meant', async (argv, message) => {
    expect(await fairlead(argv)).toEqual({ exitCode: 2, stdout: '', stderr: `fairlead: ${message}\n` });
  });
});

describe('the manual', () => {
  it('in deploy/fairlead.1.md is what fairlead prints', async () => {
    const { stdout } = await fairlead(['help', '--output=markdown']);
    const written = readFileSync(join(ROOT, 'deploy/fairlead.1.md'), 'utf8');
    expect(written, 'run: npm run -s fairlead -- help -o markdown > deploy/fairlead.1.md').toBe(stdout);
  });

  it('has every flag and every command', async () => {
    const { stdout } = await fairlead(['help', '--output=markdown']);
    for (const { name } of FLAGS) expect(stdout).toContain(`--${name}`);
    for (const { name, flags } of COMMANDS) {
      expect(stdout).toContain(`### fairlead ${name}\n`);
      for (const flag of flags) expect(stdout).toContain(`--${flag.name}`);
    }
  });

  it('is a page that man shows, without complaints', async () => {
    const { stdout: page } = await fairlead(['help', '--output=man']);
    expect(
      page
        .split('\n')
        .filter((line) => /^[.']/.test(line) && !/^\.(TH|SH|SS|PP|TP|RS|RE|nf|fi|nh|ad)\b/.test(line)),
    ).toEqual([]);
    const shown = await execa('groff', ['-ww', '-man', '-Tutf8'], { input: page, reject: false });
    if (shown.code === 'ENOENT') return;
    expect(shown.stderr).toBe('');
    expect(shown.stdout).toContain('fairlead diff');
  });
});
