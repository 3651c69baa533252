import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ApiServer, startApiServer } from '../../apiserver/server.ts';
import { CORPUS, dryRun, file, folder, GOOD } from './fairlead.ts';
import { outcomeOf, printed } from './outcome.ts';

let server: ApiServer;
beforeEach(async () => {
  server = await startApiServer();
});
afterEach(() => server.close());

/** A dry run for the node of the corpus against the server. */
async function live(flags: readonly string[] = []) {
  return dryRun(['--kubeconfig', await file(server.kubeconfig(), 'admin.conf'), ...flags]);
}

describe('a dry run of a live cluster', () => {
  test.each(['dual-stack', 'source-ranges', 'nodeport-addresses-primary'])(
    'is that of its objects in a file: %s',
    async (name) => {
      const path = join(CORPUS, name, 'cluster.yaml');
      const flags = [`--config=${join(CORPUS, name, 'config.yaml')}`, '--hostname-override=node-a'];
      server.loadYaml(readFileSync(path, 'utf8'));
      const fromServer = await live(flags);
      const fromFile = outcomeOf([path], flags);
      expect(fromFile).toMatchObject({ exitCode: 0, messages: [] });
      expect(fromServer).toMatchObject({ exitCode: 0, stdout: printed(fromFile) });
      expect(fromServer.stderr).toMatch(/^--kubeconfig=\S+ is used beside the configuration file[^\n]*\n$/);
    },
  );

  test('takes local addresses from the Node, and --local-addresses before them', async () => {
    server.loadYaml(readFileSync(GOOD, 'utf8'));
    const ranges = '--nodeport-addresses=192.0.2.0/24';
    expect((await live([ranges])).stdout).toContain('-A KUBE-SERVICES -d 192.0.2.1/32 ');
    expect((await live([ranges, '--local-addresses=192.0.2.9'])).stdout).toContain(
      '-A KUBE-SERVICES -d 192.0.2.9/32 ',
    );
  });

  test('only reads, and only what a proxy may see', async () => {
    server.loadYaml(readFileSync(GOOD, 'utf8'));
    const { exitCode } = await live();
    expect(exitCode).toBe(0);
    expect(server.requests.every(({ method }) => method === 'GET')).toBe(true);
    expect(new Set(server.requests.map(({ resource }) => resource))).toEqual(
      new Set(['services', 'endpointslices', 'nodes']),
    );
    expect(server.watches()).toBe(0);
  });

  test('a Node that the cluster does not have: one warning, exit code 0', async () => {
    const { exitCode, stderr } = await live();
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(/^Node "node-1" is not among the objects [^\n]*\n$/);
  });
});

describe('trouble with the API server is exit code 1 and one line', () => {
  const cases: readonly [string, () => void, RegExp][] = [
    [
      'the credentials are refused',
      () => server.faults.failNext({ status: 401, count: 9 }),
      /unauthorized|401/i,
    ],
    [
      'the role is not enough',
      () => {
        server.deny = () => true;
      },
      /forbidden|403/i,
    ],
    ['the server is in trouble', () => server.faults.failNext({ status: 500, count: 99 }), /500|internal/i],
  ];

  test.each(cases)('%s', async (_, trouble, message) => {
    trouble();
    const { exitCode, stdout, stderr } = await live();
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toMatch(/^fairlead: [^\n]+\n$/);
    expect(stderr).toMatch(message);
  });

  test('nobody is there', async () => {
    const kubeconfig = await file(server.kubeconfig(), 'admin.conf');
    await server.stop();
    const { exitCode, stdout, stderr } = await dryRun(['--kubeconfig', kubeconfig]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toMatch(/^fairlead: the API server 127\.0\.0\.1:\d+ cannot be reached: [^\n]+\n$/);
    expect(stderr).toContain(String(server.port));
  });

  test.each([
    ['there is none', undefined],
    ['it is no YAML', 'clusters: ['],
    ['its context is not there', 'apiVersion: v1\nkind: Config\ncurrent-context: other\n'],
  ])('the kubeconfig cannot be used, as %s: wrong usage', async (_, text) => {
    const kubeconfig =
      text === undefined ? join(await folder(), 'admin.conf') : await file(text, 'admin.conf');
    const { exitCode, stderr } = await dryRun(['--kubeconfig', kubeconfig]);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^fairlead: kubeconfig \S+admin\.conf[: ][^\n]+\n$/);
  });
});
