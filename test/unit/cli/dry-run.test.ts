import { mkdir, readdir, readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { dryRun, fairlead, file, folder, GOOD, MAIN, ROOT } from './fairlead.ts';
import { manyServices } from './manifests.ts';
import { outcomeOf } from './outcome.ts';

const NO_PORT = `apiVersion: v1
kind: Service
metadata: { name: web }
spec:
  clusterIP: 10.96.1.10
  ports: [{ name: http, port: 0 }, { name: https, port: 443 }]
`;

describe('what a dry run prints', () => {
  test('a section for each tool behind a comment line, IPv4 first', async () => {
    const { exitCode, stdout, stderr } = await dryRun(['--from', GOOD]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const headings = stdout.split('\n').filter((line) => line.startsWith('#'));
    expect(headings).toEqual(['# iptables-save', '# ip6tables-save']);
    expect(stdout).toMatch(/^# iptables-save\n\*mangle\n/);
    expect(stdout).toMatch(/\nCOMMIT\n# ip6tables-save\n\*mangle\n/);
    expect(stdout).toMatch(/\nCOMMIT\n$/);
    expect(stdout).toContain('10.96.0.80/32');
    expect(stdout).toContain('fd00:10:96::80/128');
  });

  test('the base of both families where there is no Service', async () => {
    const { exitCode, stdout } = await dryRun(['--from', await file('')]);
    expect(exitCode).toBe(0);
    expect(stdout.match(/^-A PREROUTING .*-j KUBE-SERVICES$/gm)).toHaveLength(2);
  });

  test.each([
    ['ipv4', '# iptables-save', '10.96.0.80/32'],
    ['ipv6', '# ip6tables-save', 'fd00:10:96::80/128'],
  ])('--ip-family=%s prints that family alone', async (family, heading, address) => {
    const { exitCode, stdout } = await dryRun(['--from', GOOD, `--ip-family=${family}`]);
    expect(exitCode).toBe(0);
    expect(stdout.split('\n').filter((line) => line.startsWith('#'))).toEqual([heading]);
    expect(stdout).toContain(address);
  });

  test('problems go to standard error, a line each, and stop nothing', async () => {
    const { exitCode, stdout, stderr } = await dryRun(['--from', GOOD, '--from', await file(NO_PORT)]);
    expect(exitCode).toBe(0);
    expect(stderr).toBe(
      'Service default/web: spec.ports[0].port must be a whole number from 1 to 65535: current value is 0; the port is not programmed\n',
    );
    expect(stdout).toContain('default/web:https has no endpoints');
    expect(stdout).not.toContain('default/web:http has no endpoints');
    expect(stdout).toContain('shop/good:http');
  });

  test('a reader that has seen enough is no error', async () => {
    const path = await file(manyServices(3000));
    const running = execa(
      process.execPath,
      [MAIN, '--dry-run', '--hostname-override=node-1', '--from', path],
      {
        reject: false,
        buffer: { stdout: false },
      },
    );
    running.stdout.once('data', () => running.stdout.destroy());
    const { exitCode, stderr } = await running;
    expect(stderr).not.toMatch(/EPIPE| at /);
    expect(exitCode).toBe(0);
  });
});

describe('--output-dir', () => {
  test('writes each section to a file, making the folder', async () => {
    const out = join(await folder(), 'a', 'b');
    const { exitCode, stdout, stderr } = await dryRun(['--from', GOOD, '--output-dir', out]);
    expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    expect((await readdir(out)).sort()).toEqual(['ip6tables-save.txt', 'iptables-save.txt']);
    const printed = await dryRun(['--from', GOOD]);
    const ipv4 = await readFile(join(out, 'iptables-save.txt'), 'utf8');
    const ipv6 = await readFile(join(out, 'ip6tables-save.txt'), 'utf8');
    expect(`# iptables-save\n${ipv4}# ip6tables-save\n${ipv6}`).toBe(printed.stdout);
  });

  test('writes the chosen family alone', async () => {
    const out = await folder();
    await dryRun(['--from', GOOD, '--output-dir', out, '--ip-family=ipv6']);
    expect(await readdir(out)).toEqual(['ip6tables-save.txt']);
  });

  test('a file in the way is a failure at run time', async () => {
    const inTheWay = await file('');
    for (const out of [inTheWay, join(inTheWay, 'below')]) {
      const { exitCode, stdout, stderr } = await dryRun(['--from', GOOD, '--output-dir', out]);
      expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
      expect(stderr).toMatch(/^fairlead: --output-dir: \S+ cannot be written: [^\n]+\n$/);
      expect(stderr).toContain(inTheWay);
    }
  });
});

describe('--from', () => {
  const node = 'apiVersion: v1\nkind: Node\nmetadata: { name: node-1 }\n';

  test('may be given again: the objects of all files are one cluster', async () => {
    const together = await file(`${node}---\n${NO_PORT}`);
    const one = await dryRun(['--from', together]);
    const two = await dryRun(['--from', await file(node), '--from', await file(NO_PORT)]);
    expect(two).toEqual(one);
  });

  test('- is standard input, beside files', async () => {
    const files = await dryRun(['--from', await file(node), '--from', await file(NO_PORT)]);
    const piped = await dryRun(['--from', await file(node), '--from', '-'], { input: NO_PORT });
    expect(piped).toEqual(files);
  });

  test('standard input is named in errors, with the line', async () => {
    const { exitCode, stdout, stderr } = await dryRun(['--from', '-'], {
      input: 'kind: Service\n  name: x\n',
    });
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toBe('fairlead: (standard input):2:7: bad indentation of a mapping entry\n');
  });

  test('standard input cannot be read twice', async () => {
    const { exitCode, stdout, stderr } = await dryRun(['--from', '-', '--from=-'], { input: node });
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toMatch(/^fairlead: --from [^\n]* once[^\n]*\n$/);
  });

  test('a file that is not there, a folder, a file that does not parse: exit code 2 and the name', async () => {
    const broken = await file('{ "kind": "List", \n  "items" [] }\n', 'broken.json');
    const cases = [
      ['/nowhere/cluster.yaml', /^fairlead: --from \/nowhere\/cluster\.yaml cannot be read: [^\n]+$/],
      [ROOT, /^fairlead: --from \S+ cannot be read: [^\n]*directory$/],
      [broken, /^fairlead: \S+broken\.json:2:\d+: [^\n]+$/],
    ] as const;
    for (const [path, message] of cases) {
      const { exitCode, messages } = outcomeOf([GOOD, path]);
      expect(exitCode).toBe(2);
      expect(messages).toEqual([expect.stringMatching(message)]);
    }
    const { exitCode, stdout, stderr } = await dryRun(['--from', GOOD, '--from', broken]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toMatch(/^fairlead: \S+broken\.json:2:\d+: [^\n]+\n$/);
  });
});

describe('what a dry run from files needs', () => {
  test('nothing but its files: no environment, no other process, no state of the host', async () => {
    const empty = await folder();
    await mkdir(join(empty, 'home'));
    const usual = await dryRun(['--from', GOOD]);
    // Node's permissions: files below the project may be read; processes, writing and the rest are refused.
    const bare = await dryRun(['--from', GOOD], {
      cwd: empty,
      env: { PATH: join(empty, 'nothing'), HOME: join(empty, 'home') },
      nodeFlags: ['--permission', `--allow-fs-read=${await realpath(ROOT)}`],
    });
    expect(bare).toEqual(usual);
    expect(bare.exitCode).toBe(0);
  });

  test('a kubeconfig beside it is not even read', async () => {
    const { exitCode, stderr, stdout } = await dryRun([
      '--from',
      GOOD,
      '--kubeconfig',
      '/nowhere/admin.conf',
    ]);
    expect(exitCode).toBe(0);
    expect(stderr).toBe('--kubeconfig is ignored: objects come from --from\n');
    expect(stdout).toContain('shop/good:http');
  });
});

describe('flags that only print', () => {
  test('--version', async () => {
    const { exitCode, stdout, stderr } = await fairlead(['--version']);
    const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
    expect({ exitCode, stdout, stderr }).toEqual({
      exitCode: 0,
      stdout: `fairlead ${version}\n`,
      stderr: '',
    });
  });

  test('--help names every flag of the contract', async () => {
    const { exitCode, stdout, stderr } = await fairlead(['--help']);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    for (const flag of CONTRACT) expect(stdout).toContain(`--${flag}`);
  });

  test('a flag that is none: exit code 2 and one line', async () => {
    const { exitCode, stdout, stderr } = await fairlead(['--dry-runn', '--from', GOOD]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toBe('fairlead: --dry-runn is no flag of fairlead, did you mean --dry-run?\n');
  });
});

const CONTRACT = [
  'dry-run',
  'output-dir',
  'ip-family',
  'from',
  'mode',
  'proxy-mode',
  'config',
  'hostname-override',
  'cluster-cidr',
  'detect-local-mode',
  'pod-bridge-interface',
  'pod-interface-name-prefix',
  'masquerade-all',
  'iptables-masquerade-bit',
  'iptables-localhost-nodeports',
  'nodeport-addresses',
  'bind-address',
  'kubeconfig',
  'master',
  'version',
  'local-addresses',
  'iptables-backend',
];
