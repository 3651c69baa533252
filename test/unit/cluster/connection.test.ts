import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type ApiRequest,
  type Connection,
  type ConnectionOptions,
  openConnection,
} from '../../../src/cluster/connection.ts';
import { type ApiServer, type ApiServerOptions, startApiServer } from '../../apiserver/server.ts';
import { CERTIFICATES } from './certificates.ts';
import { ManualClock } from './manual-clock.ts';
import { RecordingObserver } from './recorders.ts';
import { until } from './until.ts';

let folder = '';
let cleanups: (() => unknown)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fairlead-connection-'));
  cleanups = [() => rmSync(folder, { recursive: true })];
});
afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

async function apiServer(options: ApiServerOptions = {}): Promise<ApiServer> {
  const server = await startApiServer(options);
  cleanups.push(() => server.close());
  return server;
}

async function httpServer(listener: http.RequestListener): Promise<{ server: http.Server; url: string }> {
  const server = http.createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

async function open(options: Partial<ConnectionOptions>): Promise<Connection> {
  const connection = await openConnection({ env: {}, userAgent: 'fairlead/test', ...options });
  cleanups.push(() => connection.close());
  return connection;
}

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** A kubeconfig file for a server, with one user. */
function kubeconfig(server: ApiServer, user: object, cluster: object = {}): string {
  const ca = { 'certificate-authority-data': Buffer.from(CERTIFICATES.ca).toString('base64') };
  return file(
    'config',
    JSON.stringify({
      'current-context': 'it',
      contexts: [{ name: 'it', context: { cluster: 'c', user: 'u' } }],
      clusters: [{ name: 'c', cluster: { server: server.url, ...ca, ...cluster } }],
      users: [{ name: 'u', user }],
    }),
  );
}

async function ask(
  connection: Connection,
  request: Partial<ApiRequest> = {},
): Promise<{ status: number; text: string }> {
  const signal = new AbortController().signal;
  const response = await connection.request({ path: '/api/v1/services', signal, ...request });
  const chunks: Buffer[] = [];
  for await (const chunk of response.body) chunks.push(chunk);
  return { status: response.status, text: Buffer.concat(chunks).toString() };
}

const tls = { ...CERTIFICATES.server, ca: CERTIFICATES.ca };

describe('credentials', () => {
  it('is let in by the token of a service account, over TLS, newline or not', async () => {
    const server = await apiServer({
      tls,
      tokens: { 'pod-token': 'system:serviceaccount:kube-system:fairlead' },
    });
    file('ca.crt', CERTIFICATES.ca);
    file('token', 'pod-token\n');
    const env = { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(server.port) };
    const connection = await open({ env, serviceAccount: folder });
    expect(await ask(connection)).toMatchObject({ status: 200 });
  });

  it('uses a rotated token as soon as the old one is refused', async () => {
    const server = await apiServer({ tokens: { first: 'fairlead' } });
    file('token', 'first');
    const path = kubeconfig(server, { tokenFile: 'token' });
    const connection = await open({ kubeconfig: path, clock: new ManualClock() });
    expect(await ask(connection)).toMatchObject({ status: 200 });
    server.tokens.clear();
    server.tokens.set('second', 'fairlead');
    file('token', 'second');
    expect(await ask(connection)).toMatchObject({ status: 200 });
  });

  it('passes a refusal on when there are no other credentials', async () => {
    const server = await apiServer({ tokens: { good: 'fairlead' } });
    const connection = await open({ kubeconfig: kubeconfig(server, { token: 'bad' }) });
    expect(await ask(connection)).toMatchObject({
      status: 401,
      text: expect.stringContaining('Unauthorized'),
    });
    expect(server.requests).toHaveLength(1);
  });

  it('asks an exec plugin once for many requests, and again when its token is refused', async () => {
    const server = await apiServer({ tokens: { 'token-1': 'fairlead' } });
    const count = join(folder, 'count');
    const plugin = file(
      'plugin.mjs',
      `import { appendFileSync, readFileSync } from 'node:fs';
       appendFileSync(${JSON.stringify(count)}, 'x');
       const token = 'token-' + readFileSync(${JSON.stringify(count)}).length;
       console.log(JSON.stringify({ kind: 'ExecCredential', status: { token } }));`,
    );
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: process.execPath, args: [plugin] };
    const connection = await open({ kubeconfig: kubeconfig(server, { exec }) });
    const statuses = await Promise.all([1, 2, 3, 4].map(() => ask(connection)));
    expect(statuses.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(readFileSync(count, 'utf8')).toBe('x');
    server.tokens.clear();
    server.tokens.set('token-2', 'fairlead');
    expect(await ask(connection)).toMatchObject({ status: 200 });
    expect(readFileSync(count, 'utf8')).toBe('xx');
  });

  it('says why an exec plugin gives nothing', async () => {
    const server = await apiServer();
    const exec = {
      command: process.execPath,
      args: ['-e', 'console.error("please log in"); process.exit(1)'],
    };
    await expect(open({ kubeconfig: kubeconfig(server, { exec }) })).rejects.toMatchObject({
      code: 'unauthorized',
      message: 'no credentials for the API server: please log in',
    });
  });

  it('does not wait for ever for an exec plugin', async () => {
    const server = await apiServer();
    const clock = new ManualClock();
    const exec = { command: process.execPath, args: ['-e', 'setTimeout(() => {}, 3000)'] };
    const opened = open({ kubeconfig: kubeconfig(server, { exec }), clock });
    const outcome = expect(opened).rejects.toMatchObject({
      code: 'unauthorized',
      message: expect.stringContaining('the credential plugin does not end'),
    });
    await until('the plugin runs', () => clock.waits.length > 0);
    clock.advance(60_000);
    await outcome;
  });

  it('shows a client certificate, and the new one after it was rotated', async () => {
    const server = await apiServer({ tls: { ...tls, clientCa: CERTIFICATES.ca } });
    const users = new Set<string>();
    server.deny = ({ user }) => {
      users.add(user.name);
      return false;
    };
    const clock = new ManualClock();
    file('client.crt', CERTIFICATES.client.cert);
    file('client.key', CERTIFICATES.client.key);
    const path = kubeconfig(server, { 'client-certificate': 'client.crt', 'client-key': 'client.key' });
    const connection = await open({ kubeconfig: path, clock });
    expect(await ask(connection)).toMatchObject({ status: 200 });
    file('client.crt', CERTIFICATES.rotated.cert);
    file('client.key', CERTIFICATES.rotated.key);
    clock.advance(10_000);
    expect(await ask(connection)).toMatchObject({ status: 200 });
    expect([...users]).toEqual(['system:kube-proxy', 'system:kube-proxy-rotated']);
    await until('the connection with the old certificate is closed', () => server.connections === 1);
  });

  it('does not talk to a server with an unknown certificate', async () => {
    const server = await apiServer({ tls });
    const connection = await open({
      kubeconfig: kubeconfig(server, {}, { 'certificate-authority-data': undefined }),
    });
    await expect(ask(connection)).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(/cannot be reached: .*certificate/),
    });
  });

  it('goes through a proxy, with the certificates of the day', async () => {
    const server = await apiServer({ tls: { ...tls, clientCa: CERTIFICATES.ca } });
    const users = new Set<string>();
    server.deny = ({ user }) => {
      users.add(user.name);
      return false;
    };
    const tunnels: (string | undefined)[] = [];
    const proxy = await httpServer(() => {});
    proxy.server.on('connect', (request, client) => {
      tunnels.push(request.url);
      const upstream = connect(server.port, '127.0.0.1', () => {
        client.write('HTTP/1.1 200 OK\r\n\r\n');
        upstream.pipe(client).pipe(upstream);
      });
      upstream.on('error', () => client.destroy());
      client.on('error', () => upstream.destroy());
    });
    const clock = new ManualClock();
    file('client.crt', CERTIFICATES.client.cert);
    file('client.key', CERTIFICATES.client.key);
    const user = { 'client-certificate': 'client.crt', 'client-key': 'client.key' };
    const path = kubeconfig(server, user, { 'proxy-url': proxy.url });
    const connection = await open({ kubeconfig: path, clock });
    expect(await ask(connection)).toMatchObject({ status: 200 });
    file('client.crt', CERTIFICATES.rotated.cert);
    file('client.key', CERTIFICATES.rotated.key);
    clock.advance(10_000);
    expect(await ask(connection)).toMatchObject({ status: 200 });
    expect([...users]).toEqual(['system:kube-proxy', 'system:kube-proxy-rotated']);
    expect(new Set(tunnels)).toEqual(new Set([`127.0.0.1:${server.port}`]));
  });
});

describe('requests', () => {
  it('keep the path of the server, and name themselves', async () => {
    const seen: http.IncomingMessage[] = [];
    const { url } = await httpServer((request, response) => {
      seen.push(request);
      response.end('{}');
    });
    const connection = await open({ master: `${url}/k8s/clusters/c-1/` });
    await ask(connection, { query: { labelSelector: '!a/b', resourceVersion: '' } });
    expect(seen[0]?.url).toBe('/k8s/clusters/c-1/api/v1/services?labelSelector=%21a%2Fb&resourceVersion=');
    expect(seen[0]?.headers).toMatchObject({ 'user-agent': 'fairlead/test', accept: 'application/json' });
    expect(seen[0]?.headers['accept-encoding']).toBeUndefined();
  });

  it('create objects', async () => {
    const server = await apiServer();
    const connection = await open({ master: server.url });
    const event = {
      metadata: { name: 'web.1' },
      eventTime: '2026-01-01T00:00:00.000000Z',
      reportingController: 'fairlead',
      reportingInstance: 'fairlead-node-1',
      action: 'Quarantine',
      reason: 'RuleRefused',
      type: 'Warning',
      regarding: { kind: 'Service', namespace: 'default', name: 'web' },
    };
    const path = '/apis/events.k8s.io/v1/namespaces/default/events';
    expect(await ask(connection, { method: 'POST', path, body: event })).toMatchObject({ status: 201 });
  });

  it('unpack what the server has compressed', async () => {
    const { url } = await httpServer((request, response) => {
      expect(request.headers['accept-encoding']).toBe('gzip');
      response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(gzipSync('{"packed":true}'));
    });
    expect(await ask(await open({ master: url }), { gzip: true })).toEqual({
      status: 200,
      text: '{"packed":true}',
    });
  });

  it.each([false, true])('say that a body broke off (compressed: %s)', async (gzip) => {
    const body = Buffer.from('{"items":[{"name":"a"},{"name":"b"}]}'.repeat(50));
    const sent = gzip ? gzipSync(body) : body;
    const { url } = await httpServer((_, response) => {
      response.writeHead(200, gzip ? { 'Content-Encoding': 'gzip' } : {});
      response.write(sent.subarray(0, sent.length / 2), () => response.destroy());
    });
    const connection = await open({ master: url });
    await expect(ask(connection, { gzip })).rejects.toMatchObject({ code: 'unreachable' });
  });

  it('go out again when a kept connection turns out to be closed', async () => {
    const sockets: unknown[] = [];
    const { url } = await httpServer((request, response) => {
      const known = sockets.includes(request.socket);
      sockets.push(request.socket);
      if (known) request.socket.destroy();
      else response.end('{}');
    });
    const connection = await open({ master: url });
    await ask(connection);
    expect(await ask(connection)).toMatchObject({ status: 200 });
    expect(sockets).toHaveLength(3);
  });

  it('are told to the observer, failed ones too', async () => {
    const server = await apiServer();
    const observer = new RecordingObserver();
    const clock = new ManualClock();
    const connection = await open({ master: server.url, observer, clock });
    await ask(connection);
    await server.stop();
    await expect(ask(connection)).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining(`the API server 127.0.0.1:${server.port} cannot be reached: `),
    });
    const host = `127.0.0.1:${server.port}`;
    expect(observer.requests).toEqual([
      { verb: 'GET', code: '200', host, ms: 0 },
      { verb: 'GET', code: '<error>', host, ms: 0 },
    ]);
  });

  it.each(['head', 'body', 'compressed body'])(
    'end when their signal aborts while the %s is awaited',
    async (part) => {
      const { url, server } = await httpServer((_, response) => {
        if (part === 'head') return;
        response.writeHead(200, part === 'body' ? {} : { 'Content-Encoding': 'gzip' });
        response.flushHeaders();
      });
      const connection = await open({ master: url });
      const controller = new AbortController();
      const { signal } = controller;
      const answered = connection.request({ path: '/', signal, gzip: true });
      if (part === 'head') await once(server, 'request');
      else await answered;
      const read = answered.then(({ body }) => body[Symbol.asyncIterator]().next());
      const outcome = expect(read).rejects.toThrow('enough');
      controller.abort(new Error('enough'));
      await outcome;
      const connections = () =>
        new Promise<number>((resolve) => server.getConnections((_, count) => resolve(count)));
      while ((await connections()) > 0) await new Promise((resolve) => setImmediate(resolve));
    },
  );
});
