import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ServicePortKey } from '../../../rules/model.ts';
import { loadSettings } from '../../../src/config/load.ts';
import { routeHandler } from '../../../src/debug/route.ts';
import { Tracker } from '../../../src/tracker/tracker.ts';
import { NodeView } from '../../../src/ui/node-view.ts';
import type { NodeState, ServiceDetails, ServiceList } from '../../../src/ui/state.ts';
import { endpointAt, service, slice } from '../../model/objects.ts';
import { ManualClock } from '../cluster/manual-clock.ts';

const loaded = loadSettings(['--hostname-override=node-a'], { readFile: () => '', hostname: () => 'host' });
if (loaded.kind === 'print') throw new Error('settings expected');
const { settings } = loaded;

let tracker: Tracker;
let view: NodeView;
let url: string;
let cleanups: (() => unknown)[];

beforeEach(async () => {
  tracker = new Tracker({ nodeName: 'node-a', report: () => {} });
  view = new NodeView({ settings, tracker, daemon: () => undefined, clock: new ManualClock() });
  const server = createServer(routeHandler(view.routes));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  cleanups = [
    () => {
      server.closeAllConnections();
      server.close();
    },
  ];
});
afterEach(async () => {
  for (const cleanup of cleanups) await cleanup();
});

async function ask<T>(path: string): Promise<T> {
  const response = await fetch(url + path);
  expect(response.status, path).toBe(200);
  return (await response.json()) as T;
}

const sync = {
  family: 'ipv4',
  servicePorts: ['default/web/tcp' as ServicePortKey],
  full: false,
  lines: 2,
  adopted: undefined,
  repaired: 0,
  objects: 7,
  duration: 3,
} as const;

describe('the view of a node', () => {
  it('begins before anything is programmed', async () => {
    expect(await ask<NodeState>('/debug/state')).toEqual({
      version: settings.version,
      mode: 'iptables',
      nodeName: 'node-a',
      zone: '',
      started: Date.UTC(2026, 0, 1),
      now: Date.UTC(2026, 0, 1),
      services: 0,
      families: [],
      syncs: [],
    });
    expect(await ask<ServiceList>('/debug/services')).toEqual({
      services: 0,
      found: { total: 0, items: [] },
    });
    expect((await fetch(`${url}/debug/sync?id=1`)).status).toBe(404);
  });

  it('finds a Service among thousands, and shows some', async () => {
    for (let i = 0; i < 5000; i++) {
      const address = `10.96.${i >> 8}.${i & 255}`;
      tracker.upsert('Service', service(`s${i}`, address));
      tracker.upsert('EndpointSlice', slice(`s${i}`, [`10.244.${i >> 8}.${i & 255}`]));
    }
    const all = await ask<ServiceList>('/debug/services');
    expect(all).toMatchObject({ services: 5000, found: { total: 5000, items: { length: 100 } } });
    const named = await ask<ServiceList>('/debug/services?search=S4711');
    expect(named.found.items.map(({ name }) => name)).toEqual(['s4711']);
    const addressed = await ask<ServiceList>('/debug/services?search=10.244.18.103');
    expect(addressed.found.items).toEqual([
      {
        namespace: 'default',
        name: 's4711',
        clusterIPs: ['10.96.18.103'],
        ports: ['80/tcp'],
        endpoints: { total: 1, ready: 1, local: 0 },
        trouble: [],
      },
    ]);
    expect((await ask<ServiceList>('/debug/services?search=web')).found.total).toBe(0);
    expect((await ask<ServiceList>('/debug/services?limit=3')).found.items.length).toBe(3);
    expect((await fetch(`${url}/debug/services?limit=10000`)).status).toBe(400);
  });

  it('shows a Service with its endpoints and syncs', async () => {
    tracker.upsert('Service', service('web', '10.96.0.10'));
    tracker.upsert(
      'EndpointSlice',
      slice('web', [
        '10.244.1.1',
        endpointAt('10.244.1.2', {
          nodeName: 'node-a',
          conditions: { ready: false, serving: true, terminating: true },
        }),
        endpointAt('10.244.1.3', { conditions: { ready: false, serving: false, terminating: false } }),
      ]),
    );
    view.synced(sync);
    const { servicePorts, syncs } = await ask<ServiceDetails>('/debug/service?namespace=default&name=web');
    expect(servicePorts.map(({ key, family }) => [key, family])).toEqual([['default/web/tcp', 'ipv4']]);
    expect(servicePorts[0]?.endpoints.map(({ endpoint, state, local }) => [endpoint, state, local])).toEqual([
      ['10.244.1.1:8080', 'ready', false],
      ['10.244.1.2:8080', 'terminating', true],
      ['10.244.1.3:8080', 'not ready', false],
    ]);
    expect(syncs.map(({ id, lines }) => [id, lines])).toEqual([[1, 2]]);
    expect((await ask<ServiceDetails>('/debug/service?namespace=default&name=other')).servicePorts).toEqual(
      [],
    );
  });

  it('tells of each sync as it happens', async () => {
    const response = await fetch(`${url}/debug/events`);
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader?.read())?.value).toContain('event: hello');
    view.synced(sync);
    expect((await reader?.read())?.value).toMatch(/^event: sync\ndata: \{"id":1,"family":"ipv4"/);
    await reader?.cancel();
    expect((await ask<NodeState>('/debug/state')).syncs.length).toBe(1);
    expect((await ask<NodeState>('/debug/state?syncs=0')).syncs).toEqual([]);
  });
});
