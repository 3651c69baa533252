import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { load } from 'js-yaml';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ask, openWatch } from './client.ts';
import { service } from './cluster.ts';
import { eventually } from './eventually.ts';
import { valueAt } from './json.ts';

interface Child extends PromiseLike<{ exitCode?: number | undefined }> {
  kill(signal: NodeJS.Signals): boolean;
}

let directory: string;
let running: Child | undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'apiserver-test-'));
});

afterEach(async () => {
  running?.kill('SIGTERM');
  await running;
  await rm(directory, { recursive: true });
});

test('a server in a process of its own: files, kubeconfig, faults, end', async () => {
  const manifest = join(directory, 'cluster.json');
  const kubeconfig = join(directory, 'kubeconfig');
  await writeFile(
    manifest,
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [service(1), service(2)] }),
  );
  const started = await start(['--from', manifest, '--write-kubeconfig', kubeconfig, '--token', 'secret']);
  expect(started.kubeconfig).toBe(kubeconfig);
  expect(await readFile(kubeconfig, 'utf8')).toContain(started.url);

  const headers = { authorization: 'Bearer secret' };
  const watch = await openWatch(`${started.url}/api/v1/services?watch=1`, { headers });
  await eventually(() => watch.events.length).toBe(2);
  const loaded = JSON.stringify(service(3));
  expect((await ask(`${started.url}/_test/load`, { method: 'POST', body: loaded })).status).toBe(200);
  await eventually(() => watch.events.length).toBe(3);

  await fault(started.url, { fault: 'failNext', status: 500 });
  expect((await ask(`${started.url}/api/v1/services`, { headers })).status).toBe(500);
  const state = await ask(`${started.url}/_test/state`);
  expect(state.json).toMatchObject({ watches: 1 });
  await fault(started.url, { fault: 'dropConnections' });
  await eventually(() => watch.state).toBe('broken');
  expect(await fault(started.url, { fault: 'earthquake' })).toBe(400);

  running?.kill('SIGTERM');
  expect((await running)?.exitCode).toBe(0);
});

test('HTTPS with certificates of its own', async () => {
  const { url, kubeconfig } = await start(['--tls']);
  const config = load(await readFile(kubeconfig, 'utf8'));
  const part = (list: string, kind: string, field: string) => {
    const entry = valueAt((valueAt(config, list) as unknown[])[0], kind, field);
    return Buffer.from(String(entry), 'base64').toString();
  };
  const ca = part('clusters', 'cluster', 'certificate-authority-data');
  const cert = part('users', 'user', 'client-certificate-data');
  const key = part('users', 'user', 'client-key-data');
  expect((await ask(`${url}/api/v1/nodes`, { tls: { ca } })).status).toBe(401);
  expect((await ask(`${url}/api/v1/nodes`, { tls: { ca, cert, key } })).status).toBe(200);
});

async function start(args: readonly string[]): Promise<{ url: string; kubeconfig: string }> {
  const main = join(import.meta.dirname, 'main.ts');
  const child = execa(process.execPath, [main, '--listen', '127.0.0.1:0', ...args], { reject: false });
  running = child;
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  return JSON.parse(line) as { url: string; kubeconfig: string };
}

async function fault(url: string, body: object): Promise<number> {
  return (await ask(`${url}/_test/faults`, { method: 'POST', body })).status;
}
