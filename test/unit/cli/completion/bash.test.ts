import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it, test } from 'vitest';
import { COMMANDS } from '../../../../src/cli/commands.ts';
import { bashScript } from '../../../../src/cli/completion/bash.ts';
import { vocabulary } from '../../../../src/cli/completion/vocabulary.ts';
import { until } from '../../cluster/until.ts';
import { fairlead, file, folder } from '../fairlead.ts';

const SCRIPT = '/usr/bin/script';
const source = bashScript(vocabulary(COMMANDS));

/** What bash offers for the last of these words, as it splits them ("=" is one of its own). */
async function completions(words: readonly string[], cwd?: string): Promise<readonly string[]> {
  const call = `COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _fairlead 2>/dev/null; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await execa(
    'bash',
    ['--norc', '-c', `${source}\n${call}`, 'bash', 'fairlead', ...words],
    {
      ...(cwd === undefined ? {} : { cwd }),
    },
  );
  return stdout.split('\n').filter((line) => line !== '');
}

describe('bash completes', () => {
  it('commands, as the first word', async () => {
    expect(await completions([''])).toEqual(COMMANDS.map(({ name }) => name));
    expect(await completions(['d'])).toEqual(['diff', 'doctor']);
  });

  it('flags, with "=" where a value follows', async () => {
    expect(await completions(['--dry'])).toEqual(['--dry-run']);
    expect(await completions(['--kubec'])).toEqual(['--kubeconfig=']);
    expect(await completions(['diff', '--ru'])).toEqual(['--rules=']);
    expect(await completions(['--ru'])).toEqual([]);
  });

  it('no flags that a command does not take, and none that do nothing', async () => {
    expect(await completions(['top', '--'])).toContain('--once');
    expect(await completions(['diff', '--'])).not.toContain('--cleanup');
    expect(await completions(['--'])).not.toContain('--logtostderr');
    expect(await completions(['--'])).not.toContain('--healthz-port=');
  });

  test.each([
    ['--mode=', ['--mode', '=']],
    ['--mode=nf', ['--mode', '=', 'nf']],
    ['--proxy-mode nf', ['--proxy-mode', 'nf']],
    ['diff --mode nf', ['diff', '--mode', 'nf']],
  ])('values of few words: %s', async (_, words) => {
    const all = ['iptables', 'ipvs', 'nftables'];
    expect((await completions(words)).toSorted()).toEqual(words.at(-1) === 'nf' ? ['nftables'] : all);
  });

  it("a command's own values, by their short names too", async () => {
    expect(await completions(['diff', '-o', ''])).toEqual(['text', 'json']);
    expect(await completions(['diff', '--output', '=', 'j'])).toEqual(['json']);
  });

  it('files and folders where flags take them', async () => {
    const path = await folder();
    await writeFile(join(path, 'cluster.yaml'), '');
    await mkdir(join(path, 'rules'));
    expect((await completions(['--from', '=', ''], path)).toSorted()).toEqual(['cluster.yaml', 'rules']);
    expect(await completions(['diff', '--rules', 'cl'], path)).toEqual(['cluster.yaml']);
    expect(await completions(['--dry-run', '--output-dir', ''], path)).toEqual(['rules']);
  });

  it('operands where they are few words', async () => {
    expect(await completions(['completion', ''])).toEqual(['bash', 'zsh', 'fish']);
    expect(await completions(['help', 'ex'])).toEqual(['explain']);
    expect(await completions(['diff', ''])).toEqual([]);
  });

  it('nothing behind a flag that takes any text', async () => {
    expect(await completions(['--hostname-override', ''])).toEqual([]);
  });
});

describe.skipIf(!existsSync(SCRIPT))('a bash that people type into', () => {
  it('completes word by word', async () => {
    const { stdout: script } = await fairlead(['completion', 'bash']);
    expect(script).toBe(source);
    const path = await file(
      `${script}\nbind 'set enable-bracketed-paste off'\nfairlead() { printf 'word <%s>\\n' "$@"; }\nPS1='ready '\n`,
      'bashrc',
    );
    const session = execa(SCRIPT, ['-qec', `bash --noprofile --rcfile ${path} -i`, '/dev/null'], {
      env: { TERM: 'dumb', INPUTRC: '/dev/null', HOME: await folder(), SHELL: '/bin/bash' },
      reject: false,
      buffer: false,
      forceKillAfterDelay: 2_000,
    });
    let shown = '';
    session.stdout.setEncoding('utf8').on('data', (text: string) => {
      shown += text;
    });
    try {
      await until('a prompt', () => shown.includes('ready '));
      session.stdin.write('fairlead dif\t--mo\tnf\t\n');
      await until('the words', () => shown.includes('word <--mode=nftables>'));
      expect(shown).toContain('word <diff>');
    } finally {
      session.stdin.write('exit\n');
      session.kill();
      await session;
    }
  });
});
