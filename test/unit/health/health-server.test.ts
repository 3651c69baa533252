import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { healthHandler } from '../../../src/health/health-server.ts';
import { ProxyHealth } from '../../../src/health/proxy-health.ts';
import type { NodeObject } from '../../../src/tracker/node.ts';
import { ManualClock } from '../cluster/manual-clock.ts';

const GOOD: Pick<NodeObject, 'taints' | 'deleting'> = { taints: ['other'], deleting: false };

let clock: ManualClock;
let health: ProxyHealth;
let node: typeof GOOD | undefined;
let served: string[];
let url: string;
let close: () => Promise<unknown>;

beforeEach(async () => {
  clock = new ManualClock();
  health = new ProxyHealth({ clock, timeout: 60_000 });
  node = GOOD;
  served = [];
  const server = createServer(
    healthHandler({
      health,
      node: () => node,
      served: (endpoint, status) => served.push(`${endpoint} ${status}`),
    }),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  close = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
});
afterEach(() => close());

async function get(path: string): Promise<{ status: number; text: string }> {
  const response = await fetch(url + path);
  return { status: response.status, text: await response.text() };
}

describe('/healthz and /livez', () => {
  it('are good before the first sync, and say so in the words of kube-proxy', async () => {
    expect(await get('/healthz')).toEqual({
      status: 200,
      text: '{"lastUpdated":"2026-01-01T00:00:00.000Z","currentTime":"2026-01-01T00:00:00.000Z","nodeEligible":true,"healthy":true}',
    });
    expect(await get('/livez')).toEqual({
      status: 200,
      text: '{"lastUpdated":"2026-01-01T00:00:00.000Z","currentTime":"2026-01-01T00:00:00.000Z","healthy":true}',
    });
  });

  it('tell each family apart, and call themselves updated now while all is well', async () => {
    health.updated('ipv6');
    clock.advance(1_000);
    health.updated('ipv4');
    clock.advance(25_000);
    expect(await get('/healthz')).toEqual({
      status: 200,
      text:
        '{"lastUpdated":"2026-01-01T00:00:26.000Z","currentTime":"2026-01-01T00:00:26.000Z","nodeEligible":true,"healthy":true,' +
        '"status":{"IPv4":{"lastUpdated":"2026-01-01T00:00:01.000Z","healthy":true},' +
        '"IPv6":{"lastUpdated":"2026-01-01T00:00:00.000Z","healthy":true}}}',
    });
  });

  it('are 503 while a change waits too long, and tell when the last sync was', async () => {
    health.updated('ipv4');
    clock.advance(1_000);
    health.updated('ipv6');
    health.queued('ipv4');
    clock.advance(60_000);
    const body =
      '"healthy":false,"status":{"IPv4":{"lastUpdated":"2026-01-01T00:00:00.000Z","healthy":false},' +
      '"IPv6":{"lastUpdated":"2026-01-01T00:00:01.000Z","healthy":true}}}';
    expect(await get('/livez')).toEqual({
      status: 503,
      text: `{"lastUpdated":"2026-01-01T00:00:01.000Z","currentTime":"2026-01-01T00:01:01.000Z",${body}`,
    });
    expect(await get('/healthz')).toEqual({
      status: 503,
      text: `{"lastUpdated":"2026-01-01T00:00:01.000Z","currentTime":"2026-01-01T00:01:01.000Z","nodeEligible":true,${body}`,
    });
    health.updated('ipv4');
    expect((await get('/healthz')).status).toBe(200);
  });

  it.each([
    ['is unseen or gone', undefined],
    ['is being deleted', { taints: [], deleting: true }],
    [
      'is about to be removed by the cluster autoscaler',
      { taints: ['ToBeDeletedByClusterAutoscaler'], deleting: false },
    ],
  ])('take load balancers away, but not the kubelet, when the Node %s', async (_, now) => {
    node = now;
    expect(await get('/livez')).toMatchObject({ status: 200 });
    expect(await get('/healthz')).toEqual({
      status: 503,
      text: '{"lastUpdated":"0001-01-01T00:00:00Z","currentTime":"2026-01-01T00:00:00.000Z","nodeEligible":false,"healthy":true}',
    });
    node = GOOD;
    expect((await get('/healthz')).status).toBe(200);
  });

  it('answer with the headers of kube-proxy, on HEAD, POST and with a query too', async () => {
    const response = await fetch(`${url}/healthz?probe=1`, { method: 'HEAD' });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect((await fetch(`${url}/livez`, { method: 'POST', body: 'x' })).status).toBe(200);
    expect((await get('/')).status).toBe(404);
  });

  it('count their answers', async () => {
    await get('/healthz');
    node = undefined;
    await get('/healthz');
    await get('/livez');
    await get('/other');
    expect(served).toEqual(['healthz 200', 'healthz 503', 'livez 200']);
  });
});
