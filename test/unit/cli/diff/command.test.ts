import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { DIFF } from '../../../../src/cli/diff/command.ts';
import { caseFlags } from '../../../conformance/in-process.ts';
import { corpusCases } from '../../../lab/corpus.ts';
import { refusalOf } from '../completion/refusal.ts';
import { CORPUS, dryRun, fairlead, file, GOOD } from '../fairlead.ts';

const [CASE] = (await corpusCases()).filter(({ name }) => name === 'nodeport');
const FLAGS = CASE
  ? caseFlags(CASE).filter((flag) => flag !== '--dry-run')
  : expect.fail('a case is missing');
const DUMP = join(CORPUS, 'nodeport/expected/iptables-save.txt');

describe('fairlead diff', () => {
  it('says how much is in step, and ends with 0', async () => {
    const run = await fairlead(['diff', ...FLAGS, '--rules', DUMP]);
    expect(run).toEqual({ exitCode: 0, stdout: 'IPv4  in step: 5 ServicePorts\n', stderr: '' });
  });

  it('shows what differs like a unified diff, and ends with 1', async () => {
    const text = await readFile(DUMP, 'utf8');
    const edited = text.replace(
      /^(-A KUBE-SERVICES .*default\/web:http cluster IP.* --dport) \d+/m,
      '$1 8888',
    );
    expect(edited).not.toBe(text);
    const { exitCode, stdout, stderr } = await fairlead(['diff', ...FLAGS, '--rules', '-'], {
      input: edited,
    });
    expect(stderr).toBe('');
    expect(exitCode).toBe(1);
    const [summary, empty, ...lines] = stdout.split('\n');
    expect(summary).toMatch(/^IPv4 {2}in step: 4 ServicePorts, 1 differs$/);
    expect(empty).toBe('');
    expect(lines).toEqual([
      '--- (standard input)',
      '+++ desired in iptables mode',
      expect.stringMatching(/^@@ default\/web:http\/tcp, IPv4: changed @@$/),
      '  *nat',
      expect.stringMatching(/^- -A KUBE-SERVICES .* --dport 8888 /),
      expect.stringMatching(/^\+ -A KUBE-SERVICES .* --dport 80 /),
      '',
    ]);
  });

  it('--output=json is for programs', async () => {
    const text = await readFile(DUMP, 'utf8');
    const path = await file(text.replace(/^-A KUBE-MARK-MASQ .*\n/m, ''), 'iptables-save.txt');
    const { exitCode, stdout } = await fairlead(['diff', ...FLAGS, '--rules', path, '-o', 'json']);
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout)).toEqual({
      inStep: false,
      mode: 'iptables',
      source: path,
      families: [
        {
          family: 'ipv4',
          servicePortsInStep: 5,
          differences: [
            {
              owner: 'base',
              state: 'changed',
              objects: [
                {
                  place: '*nat',
                  missing: ['-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000'],
                  extra: [],
                },
              ],
            },
          ],
        },
      ],
      unread: [],
    });
  });

  test.each(['iptables', 'nftables', 'ipvs'])('what a dry run prints in %s mode is in step', async (mode) => {
    const flags = ['--from', GOOD, `--mode=${mode}`];
    const { stdout: input } = await dryRun(flags);
    const run = await fairlead(['diff', '--hostname-override=node-1', ...flags, '--rules=-'], { input });
    expect(run.exitCode).toBe(0);
    expect(run.stdout).toMatch(/^IPv4 {2}in step: \d+ ServicePorts?\nIPv6 {2}in step: \d+ ServicePorts?\n$/);
  });

  it('asks whether the proxy runs in another mode where nothing is there', async () => {
    const run = await fairlead(['diff', ...FLAGS, '--rules=-'], {
      input: '*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n',
    });
    expect(run.exitCode).toBe(1);
    expect(run.stdout).toContain('does the proxy there run in another mode (--mode)?');
  });

  test.each([
    [['--rules=/nowhere'], /^--rules \/nowhere cannot be read: no such file or directory$/],
    [
      ['--rules', DUMP, '--mode=nftables'],
      /no rules of nftables mode in .*: what is there looks like --mode=iptables$/,
    ],
    [['--rules', DUMP, '--ip-family=ipv6'], /no rules of iptables mode for ipv6 in /],
    [['--rules=-', '--from=-'], /only one of --from and --rules can be standard input/],
    [['default/web'], /"default\/web" has no meaning/],
    [['--rulez=x'], /--rulez is no flag of fairlead, did you mean --rules\?/],
  ])('%j is wrong usage', async (flags, message) => {
    expect(await refusalOf(DIFF, [...FLAGS, ...flags])).toMatch(message);
  });

  it('ends with 2 for wrong usage', async () => {
    const { exitCode, stdout, stderr } = await fairlead(['diff', ...FLAGS, '--rules=/nowhere']);
    expect(stderr).toBe('fairlead: --rules /nowhere cannot be read: no such file or directory\n');
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  });
});
