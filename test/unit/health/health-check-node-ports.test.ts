import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FAMILIES } from '../../../rules/model.ts';
import { readFilesInto } from '../../../src/cli/objects.ts';
import { HealthCheckNodePorts } from '../../../src/health/health-check-node-ports.ts';
import { type HealthCheckService, HealthCheckServices } from '../../../src/health/health-check-services.ts';
import { Tracker } from '../../../src/tracker/tracker.ts';
import { ManualClock } from '../cluster/manual-clock.ts';
import { RecordingLogger } from '../cluster/recorders.ts';
import { until } from '../cluster/until.ts';

let clock: ManualClock;
let logger: RecordingLogger;
let healthy: boolean;
let refused: string[];
let ports: HealthCheckNodePorts;
let cleanups: (() => unknown)[];

beforeEach(() => {
  clock = new ManualClock();
  logger = new RecordingLogger();
  healthy = true;
  refused = [];
  ports = new HealthCheckNodePorts({
    healthy: () => healthy,
    clock,
    logger,
    refused: (service, port, message) => refused.push(`${service} ${port}: ${message}`),
  });
  cleanups = [() => ports.close()];
});
afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

const LOOPBACK = ['127.0.0.1'];

function services(
  entries: Record<string, [port: number, endpoints: number]>,
): Map<string, HealthCheckService> {
  return new Map(
    Object.entries(entries).map(([name, [port, localReadyEndpoints]]) => [
      name,
      { port, localReadyEndpoints },
    ]),
  );
}

function ask(service: string, path = '/healthz', init: RequestInit = {}): Promise<Response> {
  const [address] = ports.addresses(service);
  if (!address) throw new Error(`${service} does not listen`);
  return fetch(`http://127.0.0.1:${address.port}${path}`, init);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

describe('health-check node ports', () => {
  it('answer 200 with kube-proxy’s body and headers where there is a local endpoint', async () => {
    await ports.sync(services({ 'demo/web': [0, 3] }), LOOPBACK);
    const response = await ask('demo/web');
    expect(response.status).toBe(200);
    expect(await response.text()).toBe(
      '{\n\t"service": {\n\t\t"namespace": "demo",\n\t\t"name": "web"\n\t},\n\t"localEndpoints": 3,\n\t"serviceProxyHealthy": true\n}',
    );
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get('x-load-balancing-endpoint-weight')).toBe('3');
  });

  it('answer whatever a load balancer asks for', async () => {
    await ports.sync(services({ 'demo/web': [0, 1] }), LOOPBACK);
    for (const path of ['/', '/healthz', '/any/thing?x=1'])
      expect((await ask('demo/web', path)).status).toBe(200);
    expect((await ask('demo/web', '/', { method: 'HEAD' })).status).toBe(200);
  });

  it('follow the endpoints without a new connection', async () => {
    await ports.sync(services({ 'demo/web': [0, 1] }), LOOPBACK);
    const [before] = ports.addresses('demo/web');
    void ports.sync(services({ 'demo/web': [0, 0] }), LOOPBACK);
    const response = await ask('demo/web');
    expect(response.status).toBe(503);
    expect(response.headers.get('x-load-balancing-endpoint-weight')).toBe('0');
    expect(await response.json()).toMatchObject({ localEndpoints: 0, serviceProxyHealthy: true });
    expect(ports.addresses('demo/web')).toEqual([before]);
  });

  it('are all 503 while the proxy itself is not well', async () => {
    await ports.sync(services({ 'demo/web': [0, 2] }), LOOPBACK);
    healthy = false;
    const response = await ask('demo/web');
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ localEndpoints: 2, serviceProxyHealthy: false });
  });

  it('close with their Service, and move with its port', async () => {
    const [one, two] = [await freePort(), await freePort()];
    await ports.sync(services({ 'demo/web': [one, 1], 'demo/gone': [0, 1] }), LOOPBACK);
    await ports.sync(services({ 'demo/web': [two, 1] }), LOOPBACK);
    expect((await fetch(`http://127.0.0.1:${two}/`)).status).toBe(200);
    await expect(fetch(`http://127.0.0.1:${one}/`)).rejects.toThrow();
    expect(ports.addresses('demo/gone')).toEqual([]);
  });

  it('hand a port over from one Service to another without a complaint', async () => {
    const port = await freePort();
    await ports.sync(services({ 'demo/old': [port, 0] }), LOOPBACK);
    await ask('demo/old');
    await ports.sync(services({ 'demo/new': [port, 1] }), LOOPBACK);
    expect(await (await ask('demo/new')).json()).toMatchObject({ service: { name: 'new' } });
    expect(refused).toEqual([]);
  });

  it('listen on the addresses of both families that are given, and follow them', async () => {
    const port = await freePort();
    const wanted = services({ 'demo/web': [port, 1] });
    const six = networkInterfaces()['lo']?.some(({ family }) => family === 'IPv6') ? ['::1'] : [];
    await ports.sync(wanted, ['127.0.0.1', '127.0.0.2', ...six]);
    for (const host of ['127.0.0.1', '127.0.0.2', ...six.map((address) => `[${address}]`)]) {
      expect((await fetch(`http://${host}:${port}/`)).status).toBe(200);
    }
    await ports.sync(wanted, ['127.0.0.2']);
    await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow();
    expect((await fetch(`http://127.0.0.2:${port}/`)).status).toBe(200);
  });

  it('complain once about a port that is in use, serve all others, and take it when it is free', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    cleanups.push(() => holder.close());
    const { port } = holder.address() as AddressInfo;
    const wanted = services({ 'demo/blocked': [port, 1], 'demo/web': [0, 1] });
    await ports.sync(wanted, LOOPBACK);
    const message = `the health-check node port ${port} of Service demo/blocked cannot be opened: the port is in use`;
    expect(refused).toEqual([`demo/blocked ${port}: ${message}`]);
    expect(logger.shown).toEqual([`warn: ${message}; trying again every 5 s`]);
    expect((await ask('demo/web')).status).toBe(200);

    clock.advance(5_000);
    await until('another attempt fails', () => clock.waits[0] === 5_000);
    await ports.sync(wanted, LOOPBACK);
    holder.close();
    await once(holder, 'close');
    clock.advance(5_000);
    await until('the port is taken', () => ports.addresses('demo/blocked').length > 0);
    expect((await ask('demo/blocked')).status).toBe(200);
    expect(refused).toHaveLength(1);
  });

  it('are gone after close, attempts too', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    cleanups.push(() => holder.close());
    await ports.sync(
      services({ 'demo/web': [0, 1], 'demo/blocked': [(holder.address() as AddressInfo).port, 1] }),
      LOOPBACK,
    );
    await ports.close();
    expect(ports.addresses('demo/web')).toEqual([]);
    expect(clock.waits).toEqual([]);
  });
});

const CORPUS = join(import.meta.dirname, '../../../fixtures/kube-proxy-1.36');
const EXPECTATIONS = ['expected/healthcheck.txt', 'expected/ipvs/healthcheck.txt'];

describe('what kube-proxy answers', () => {
  for (const name of readdirSync(CORPUS).sort()) {
    for (const file of EXPECTATIONS.filter((path) => existsSync(join(CORPUS, name, path)))) {
      it(`for ${name} (${file})`, async () => {
        const found = await answersOf(join(CORPUS, name));
        expect(found).toEqual(
          readFileSync(join(CORPUS, name, file), 'utf8')
            .trim()
            .split('\n')
            .sort(),
        );
      });
    }
  }
});

/** Opens the ports under other numbers, so as to disturb nobody. */
async function answersOf(folder: string): Promise<string[]> {
  const nodeName = /^name (\S+)/m.exec(readFileSync(join(folder, 'node.txt'), 'utf8'))?.[1] ?? '';
  const tracker = new Tracker({ nodeName, report: () => {} });
  readFilesInto(tracker, [join(folder, 'cluster.yaml')]);
  const account = new HealthCheckServices();
  for (const family of FAMILIES) {
    for (const key of tracker.servicePortKeys(family)) {
      account.update(family, key, tracker.resolve(family, key)?.servicePort);
    }
  }
  const elsewhere = [...account.services].map(([name, service]) => [name, { ...service, port: 0 }] as const);
  await ports.sync(new Map(elsewhere), LOOPBACK);
  const lines: string[] = [];
  for (const [name, { port }] of account.services) {
    const response = await ask(name);
    lines.push(`${port} ${response.status} ${(await response.text()).replaceAll(/\s/g, '')}`);
  }
  return lines.sort();
}
