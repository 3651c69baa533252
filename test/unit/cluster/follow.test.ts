import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { followCluster } from '../../../src/cluster/api.ts';
import { type Connection, openConnection } from '../../../src/cluster/connection.ts';
import type { Timing } from '../../../src/cluster/timing.ts';
import {
  type ApiServer,
  type ApiServerOptions,
  type LoggedRequest,
  startApiServer,
} from '../../apiserver/server.ts';
import { type Front, type Intercept, openFront } from './front.ts';
import { ManualClock } from './manual-clock.ts';
import { RecordingLogger, RecordingObserver, RecordingSink } from './recorders.ts';
import { until } from './until.ts';

const ALL = ['Service', 'EndpointSlice', 'Node', 'ServiceCIDR'] as const;

/** One node that follows one API server. */
class Follower {
  readonly sink = new RecordingSink();
  readonly logger = new RecordingLogger();
  readonly observer = new RecordingObserver();
  readonly controller = new AbortController();
  readonly clock: ManualClock | undefined;
  serviceCIDRs = true;
  connection: Connection | undefined;
  done: Promise<void> = Promise.resolve();

  constructor(clock?: ManualClock) {
    this.clock = clock;
  }

  async start(url: string, timing: Partial<Timing>): Promise<void> {
    const { sink, logger, observer, clock } = this;
    const common = { observer, ...(clock === undefined ? {} : { clock }) };
    this.connection = await openConnection({ master: url, env: {}, userAgent: 'fairlead/test', ...common });
    this.done = followCluster({
      connection: this.connection,
      sink,
      logger,
      nodeName: 'node-1',
      serviceCIDRs: this.serviceCIDRs,
      signal: this.controller.signal,
      timing,
      random: () => 0.5,
      ...common,
    });
    this.done.catch(() => {});
  }

  async synced(): Promise<void> {
    const all = () => ALL.every((kind) => this.sink.lines.includes(`synced ${kind}`));
    await until('all kinds are synced', all);
  }

  has(name: string): boolean {
    return this.sink.objects.has(name);
  }
}

/** Retries come at once, everything else is as it is for users. */
const HASTY: Partial<Timing> = { backoffMinMs: 1, backoffMaxMs: 4 };

let server: ApiServer;
let followers: Follower[] = [];
let fronts: Front[] = [];

async function serve(options: ApiServerOptions = {}): Promise<void> {
  server = await startApiServer(options);
}

async function front(intercept: Intercept): Promise<string> {
  const opened = await openFront(server.url, intercept);
  fronts.push(opened);
  return opened.url;
}

async function follow(
  options: { timing?: Partial<Timing>; clock?: ManualClock; url?: string } = {},
): Promise<Follower> {
  const follower = new Follower(options.clock);
  followers.push(follower);
  await follower.start(options.url ?? server.url, options.timing ?? HASTY);
  return follower;
}

beforeEach(() => {
  followers = [];
  fronts = [];
});

afterEach(async () => {
  for (const { controller, done, connection } of followers) {
    controller.abort();
    connection?.close();
    await done;
  }
  for (const opened of fronts) opened.close();
  await server.close();
});

function putService(name: string, spec: object = {}, labels: object = {}): void {
  server.put({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: 'demo', name, labels },
    spec: { ports: [{ port: 80 }], ...spec },
  });
}

function putSlice(name: string, addresses: readonly string[], labels: object = {}): void {
  server.put({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { namespace: 'demo', name, labels, annotations: { note: 'grün €uro 𝄞' } },
    addressType: 'IPv4',
    endpoints: addresses.map((address) => ({ addresses: [address] })),
    ports: [{ port: 8080 }],
  });
}

function putNode(name: string): void {
  server.put({ apiVersion: 'v1', kind: 'Node', metadata: { name } });
}

function putServiceCIDR(): void {
  server.put({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'ServiceCIDR',
    metadata: { name: 'kubernetes' },
    spec: { cidrs: ['10.96.0.0/12'] },
  });
}

/** What the follower has, against what the server has, the selection aside. */
function expectEqual({ sink }: Follower): void {
  const wanted = ALL.flatMap((kind) =>
    server.list(kind).map((object) => {
      const { name, namespace } = object['metadata'] as { name: string; namespace?: string };
      return [
        `${kind} ${namespace === undefined ? name : `${namespace}/${name}`}`,
        withoutType(object),
      ] as const;
    }),
  );
  const got = [...sink.objects].map(([key, object]) => [key, withoutType(object as object)] as const);
  expect(Object.fromEntries(got)).toEqual(Object.fromEntries(wanted));
}

/** Items of a list say neither kind nor apiVersion. */
function withoutType(object: object): object {
  const { kind: _kind, apiVersion: _apiVersion, ...rest } = object as Record<string, unknown>;
  return rest;
}

function asked(verb: 'list' | 'watch', resource: string): LoggedRequest[] {
  return server.requests.filter((request) => request.verb === verb && request.resource === resource);
}

function query(request: LoggedRequest | undefined): Record<string, string> {
  return Object.fromEntries(new URL(request?.path ?? '/', 'http://server').searchParams);
}

/** Watches of one resource that started again from a version. */
function resumed(resource: string): string[] {
  return asked('watch', resource)
    .map((request) => query(request)['resourceVersion'] ?? '')
    .filter((version) => version !== '');
}

describe('following a cluster', () => {
  it('gives all there is, then every change', async () => {
    await serve();
    putService('web');
    putSlice('web-1', ['10.0.0.1']);
    putNode('node-1');
    putServiceCIDR();
    const follower = await follow();
    await follower.synced();
    expectEqual(follower);
    expect(
      follower.sink
        .take()
        .filter((line) => line.startsWith('synced'))
        .sort(),
    ).toEqual(ALL.map((kind) => `synced ${kind}`).sort());

    putSlice('web-1', ['10.0.0.1', '10.0.0.2']);
    await until('the change arrives', () => follower.sink.lines.length > 0);
    expect(follower.sink.take()).toEqual(['+EndpointSlice demo/web-1']);
    expectEqual(follower);

    server.delete('Service', 'demo', 'web');
    await until('the delete arrives', () => follower.sink.lines.length > 0);
    expect(follower.sink.take()).toEqual(['-Service demo/web']);
    expect(follower.observer.lists.sort()).toEqual(ALL.map((kind) => `${kind} start`).sort());
  });

  it('asks the server for what kube-proxy asks for', async () => {
    await serve();
    const follower = await follow();
    await follower.synced();
    const selections = ['services', 'endpointslices', 'nodes', 'servicecidrs'].map((resource) => {
      const { labelSelector, fieldSelector } = query(asked('watch', resource)[0]);
      return { resource, labelSelector, fieldSelector };
    });
    expect(selections).toEqual([
      {
        resource: 'services',
        labelSelector: '!service.kubernetes.io/service-proxy-name',
        fieldSelector: 'spec.clusterIP!=None',
      },
      {
        resource: 'endpointslices',
        labelSelector: '!service.kubernetes.io/headless',
        fieldSelector: undefined,
      },
      { resource: 'nodes', labelSelector: undefined, fieldSelector: 'metadata.name=node-1' },
      { resource: 'servicecidrs', labelSelector: undefined, fieldSelector: undefined },
    ]);
    expect(query(asked('watch', 'services')[0])).toMatchObject({
      allowWatchBookmarks: 'true',
      resourceVersion: '',
      resourceVersionMatch: 'NotOlderThan',
      sendInitialEvents: 'true',
      timeoutSeconds: '450',
      watch: 'true',
    });
    expect(asked('watch', 'services')[0]?.headers['accept-encoding']).toBeUndefined();
    expect(server.requests.filter(({ verb }) => verb === 'list')).toEqual([]);
  });

  it('follows only what is selected, and loses what leaves the selection', async () => {
    await serve();
    const other = { 'service.kubernetes.io/service-proxy-name': 'other' };
    putService('web');
    putService('headless', { clusterIP: 'None' });
    putService('foreign', {}, other);
    putSlice('headless-1', ['10.0.0.1'], { 'service.kubernetes.io/headless': '' });
    putNode('node-2');
    const follower = await follow();
    await follower.synced();
    expect([...follower.sink.objects.keys()].filter((name) => !name.startsWith('ServiceCIDR'))).toEqual([
      'Service demo/web',
    ]);
    putService('web', {}, other);
    await until('the Service is gone', () => !follower.has('Service demo/web'));
    putNode('node-1');
    await until('the Node appears', () => follower.has('Node node-1'));
  });

  it('gives an object that was deleted and made again under the same name', async () => {
    await serve();
    putService('web');
    const follower = await follow();
    await follower.synced();
    await server.stop();
    server.delete('Service', 'demo', 'web');
    putService('web', { clusterIP: '10.96.7.7' });
    server.compact();
    follower.sink.take();
    await server.start();
    await until('the new one arrives', () => follower.sink.lines.length > 0);
    expect(follower.sink.take()).toEqual(['+Service demo/web']);
    expectEqual(follower);
  });

  it('understands bodies that come byte by byte or split in the middle of characters', async () => {
    await serve();
    putSlice('web-1', ['10.0.0.1']);
    server.faults.slowBody = { bytesPerTick: 50, tickMs: 0 };
    const follower = await follow();
    await follower.synced();
    expectEqual(follower);
    server.faults.slowBody = undefined;
    server.faults.splitCharacters = true;
    putSlice('web-1', ['10.0.0.2']);
    putSlice('web-2', ['10.0.0.3']);
    await until('both changes arrive', () => follower.has('EndpointSlice demo/web-2'));
    expectEqual(follower);
  });

  it('lets an error of the sink through', async () => {
    await serve();
    putService('web');
    const follower = await follow();
    follower.sink.upsert = () => {
      throw new Error('a mistake of ours');
    };
    await expect(follower.done).rejects.toThrow('a mistake of ours');
    follower.done = Promise.resolve();
    await until('all watches are closed', () => server.watches() === 0);
  });

  it('leaves nothing open after it was ended', async () => {
    await serve();
    const follower = await follow();
    await follower.synced();
    follower.controller.abort();
    await follower.done;
    await until('all watches are closed', () => server.watches() === 0);
    follower.connection?.close();
    await until('all connections are closed', () => server.connections === 0);
  });

  it('ends while it waits for a retry, and while nobody answers', async () => {
    await serve();
    await server.stop();
    const clock = new ManualClock();
    const waiting = await follow({ clock });
    await until('all kinds wait', () => clock.waits.length === 4);
    waiting.controller.abort();
    await waiting.done;
    expect(clock.waits).toEqual([]);
    await server.start();
    server.faults.stall();
    const stalled = await follow();
    await until('all kinds have asked', () => server.requests.length === 4);
    stalled.controller.abort();
    await stalled.done;
  });
});

describe('a connection that is lost', () => {
  it.each(['reset', 'end'] as const)(
    'in the middle of an object (%s) is taken up where it was',
    async (how) => {
      await serve();
      putSlice('web-1', ['10.0.0.1']);
      const follower = await follow();
      await follower.synced();
      follower.sink.take();
      server.faults.cutWatches({ resource: 'endpointslices', afterEvents: 1, how });
      putSlice('web-1', ['10.0.0.2']);
      putSlice('web-2', ['10.0.0.3']);
      await until('the second change arrives', () => follower.has('EndpointSlice demo/web-2'));
      expect(follower.sink.take()).toEqual(['+EndpointSlice demo/web-1', '+EndpointSlice demo/web-2']);
      expectEqual(follower);
      expect(resumed('endpointslices')).toHaveLength(1);
      expect(follower.observer.lists).toHaveLength(4);
      expect(follower.logger.shown).toEqual([]);
    },
  );

  it('during the first list is answered by a list in pages', async () => {
    await serve();
    for (const name of ['a', 'b', 'c']) putService(name);
    server.faults.cutWatches({ resource: 'services', afterEvents: 1 });
    const follower = await follow();
    await follower.synced();
    expectEqual(follower);
    expect(asked('list', 'services')).toHaveLength(1);
  });

  it('is told once, and its recovery once, however many kinds and retries', async () => {
    await serve();
    putService('web');
    const follower = await follow();
    await follower.synced();
    await server.stop();
    const refusals = () =>
      follower.logger.lines.filter(({ message }) => message.includes('ECONNREFUSED')).length;
    await until('every kind has tried often', () => refusals() > 20);
    putService('late');
    await server.start();
    await until('the change arrives', () => follower.has('Service demo/late'));
    await until('all is followed again', () => follower.logger.shown.length === 2);
    expect(follower.logger.shown).toEqual([
      `warn: the API server 127.0.0.1:${server.port} cannot be reached: connect ECONNREFUSED 127.0.0.1:${server.port}; all rules stay as they are, retrying`,
      expect.stringMatching(/^info: followed again after \d+ s: the API server$/),
    ]);
    expect(follower.observer.lists).toHaveLength(4);
  });

  it('goes on from the last bookmark', async () => {
    await serve();
    const follower = await follow();
    await follower.synced();
    server.advance(5000);
    const heard = () => follower.observer.heard.filter((kind) => kind === 'Node').length;
    const before = heard();
    server.bookmark();
    await until('the bookmark arrives', () => heard() > before);
    server.dropConnections();
    await until('Nodes are watched again', () => resumed('nodes').length > 0);
    expect(resumed('nodes')).toEqual(['5000']);
  });

  it('that says nothing more is given up after two and a half minutes', async () => {
    await serve();
    const clock = new ManualClock();
    const follower = await follow({ clock, timing: {} });
    await follower.synced();
    await until('only watches are waited for', () => clock.waits.length === 4);
    expect(clock.waits).toEqual([150_000, 150_000, 150_000, 150_000]);
    server.faults.stall();
    putService('web');
    clock.advance(149_999);
    await until('the watches still wait', () => clock.waits.length === 4);
    expect(server.watches()).toBe(4);
    server.requests.length = 0;
    clock.advance(1);
    await until('they are given up', () => clock.waits.every((ms) => ms <= 500) && clock.waits.length === 4);
    server.faults.resume();
    clock.advance(500);
    await until('the missed change arrives', () => follower.has('Service demo/web'));
    expectEqual(follower);
    expect(follower.observer.lists).toHaveLength(4);
  });

  it('that was never answered is given up after a minute', async () => {
    await serve();
    server.faults.stall();
    const clock = new ManualClock();
    const follower = await follow({ clock, timing: {} });
    await until('all have asked', () => clock.waits.length === 4 && clock.waits[0] === 60_000);
    clock.advance(60_000);
    await until('they are given up', () => follower.logger.shown.length > 0);
    expect(follower.logger.shown).toEqual([expect.stringContaining('silent for 60 s in a watch of')]);
  });

  it('is retried less and less often, at least every 30 s, and quickly again after a success', async () => {
    await serve();
    await server.stop();
    const clock = new ManualClock();
    const follower = await follow({ clock, timing: {} });
    const waits: number[] = [];
    for (let round = 0; round < 9; round++) {
      await until('all kinds wait', () => clock.waits.length === 4 && clock.waits.every((ms) => ms < 60_000));
      waits.push(clock.waits[0] ?? 0);
      expect(new Set(clock.waits).size).toBe(1);
      if (round < 8) clock.advance(clock.waits[0] ?? 0);
    }
    expect(waits).toEqual([375, 750, 1500, 3000, 6000, 12000, 22500, 22500, 22500]);
    await server.start();
    clock.advance(30_000);
    await follower.synced();
    server.bookmark();
    putService('web');
    await until('a change arrives', () => follower.has('Service demo/web'));
    await until('the watches are waited for', () => clock.waits.filter((ms) => ms === 150_000).length === 4);
    await server.stop();
    await until('all kinds wait', () => clock.waits.length === 4 && clock.waits.every((ms) => ms < 150_000));
    expect(clock.waits[0]).toBe(375);
  });
});

describe('a server that has forgotten where we were', () => {
  it.each(['supported', 'status'] as const)(
    'is asked for everything, and only the difference is fed (watch-list: %s)',
    async (support) => {
      await serve();
      server.faults.watchList = support;
      for (const name of ['a', 'b', 'c']) putService(name);
      const follower = await follow();
      await follower.synced();
      await server.stop();
      server.delete('Service', 'demo', 'a');
      putService('b', { clusterIP: '10.96.1.1' });
      putService('d');
      server.compact();
      follower.sink.take();
      await server.start();
      await until('the difference arrives', () => !follower.has('Service demo/a'));
      expect(follower.sink.take()).toEqual(['+Service demo/b', '+Service demo/d', '-Service demo/a']);
      expectEqual(follower);
      expect(follower.observer.lists).toContain('Service expired');
    },
  );

  it('in the middle of a list is asked for the list in one piece', async () => {
    await serve();
    for (let index = 0; index < 700; index++) putService(`web-${index}`);
    server.faults.watchList = 'status';
    const follower = new Follower();
    followers.push(follower);
    const upsert = follower.sink.upsert.bind(follower.sink);
    let forgotten = false;
    follower.sink.upsert = (kind, object) => {
      if (kind === 'Service' && !forgotten) {
        forgotten = true;
        server.delete('Service', 'demo', 'web-0');
        server.compact();
      }
      upsert(kind, object);
    };
    await follower.start(server.url, HASTY);
    await follower.synced();
    expectEqual(follower);
    expect(asked('list', 'services').map((request) => query(request)['limit'])).toEqual([
      '500',
      '500',
      undefined,
    ]);
  });

  it('because it was restored from a backup is recognised by its lower versions', async () => {
    await serve({ resourceVersion: 5000 });
    for (const name of ['a', 'b']) putService(name);
    const follower = await follow();
    await follower.synced();
    server.restart();
    server.delete('Service', 'demo', 'a');
    await until('the delete is found', () => !follower.has('Service demo/a'));
    await until('all lists are there', () => follower.observer.lists.length === 8);
    expectEqual(follower);
    expect(follower.observer.lists).toContain('Service history');
    expect(follower.logger.shown).toContainEqual(
      expect.stringMatching(
        /the API server has gone back from version 50\d\d to \d+ \(restored, or replaced\): listing again/,
      ),
    );
  });

  it('while nobody was there to see it is not trusted after five minutes', async () => {
    await serve({ resourceVersion: 5000 });
    for (const name of ['a', 'b']) putService(name);
    const clock = new ManualClock();
    const follower = await follow({ clock, timing: {} });
    await follower.synced();
    await server.stop();
    server.restart();
    server.delete('Service', 'demo', 'a');
    server.advance(9000);
    const retrying = () => clock.waits.length === 4 && clock.waits.every((ms) => ms < 60_000);
    for (let minute = 0; minute <= 5; minute++) {
      await until('all kinds wait', retrying);
      clock.advance(60_000);
    }
    await until('all kinds wait', retrying);
    await server.start();
    clock.advance(30_000);
    await until('the delete is found', () => !follower.has('Service demo/a'));
    expect(follower.observer.lists).toContain('Service absence');
  });

  it('and ends watches in good order is recognised as well', async () => {
    await serve({ resourceVersion: 5000 });
    putService('a');
    const follower = await follow();
    await follower.synced();
    server.endWatches();
    server.restart();
    server.delete('Service', 'demo', 'a');
    await until('the delete is found', () => !follower.has('Service demo/a'));
  });
});

describe('a server without watch-list', () => {
  it.each(['status', 'error-event'] as const)(
    'that says so by %s is asked for pages, compressed',
    async (support) => {
      await serve();
      server.faults.watchList = support;
      for (let index = 0; index < 1201; index++) putService(`web-${index}`);
      const follower = await follow();
      await follower.synced();
      expectEqual(follower);
      const lists = asked('list', 'services');
      expect(lists.map((request) => query(request)['limit'])).toEqual(['500', '500', '500']);
      expect(lists.map((request) => request.headers['accept-encoding'])).toEqual(['gzip', 'gzip', 'gzip']);
      putService('late');
      await until('a change arrives', () => follower.has('Service demo/late'));
      server.compact();
      server.advance(9000);
      server.compact();
      server.dropConnections();
      await until('Services are listed again', () => follower.observer.lists.includes('Service expired'));
    },
  );
});

describe('a server in trouble', () => {
  it('is left alone for as long as it asks', async () => {
    await serve();
    server.faults.failNext({ status: 429, retryAfter: 7, resource: 'services' });
    const clock = new ManualClock();
    const follower = await follow({ clock, timing: {} });
    await until('Services wait', () => clock.waits.filter((ms) => ms < 60_000).length === 1);
    expect(clock.waits[0]).toBe(7375);
    clock.advance(7375);
    await follower.synced();
    expect(follower.logger.shown).toEqual([
      'warn: cannot watch services: the API server answers 429: Too many requests, please try again later.; all rules stay as they are, retrying',
      expect.stringContaining('followed again after 7 s'),
    ]);
  });

  it.each([500, 503] as const)('(%s) is asked again', async (status) => {
    await serve();
    putService('web');
    server.faults.failNext({ status, count: 12, retryAfter: 0 });
    const follower = await follow();
    await follower.synced();
    expectEqual(follower);
    expect(follower.logger.shown.filter((line) => line.startsWith('warn'))).toHaveLength(1);
  });

  it('that lags behind our version is asked again until it has caught up', async () => {
    await serve({ resourceVersion: 100 });
    let lagging = 0;
    const url = await front((request, response) => {
      if (lagging === 0 || /resourceVersion=\d/.exec(request.url ?? '') === null) return false;
      lagging--;
      const message = 'Timeout: Too large resource version: 999, current: 100';
      const details = { causes: [{ reason: 'ResourceVersionTooLarge', message }], retryAfterSeconds: 1 };
      response.writeHead(504, { 'Content-Type': 'application/json', 'Retry-After': '1' });
      response.end(JSON.stringify({ kind: 'Status', code: 504, reason: 'Timeout', message, details }));
      return true;
    });
    const follower = await follow({ url, timing: { ...HASTY, retryAfterMaxMs: 5 } });
    await follower.synced();
    lagging = 10;
    server.dropConnections();
    await until('it is said', () => follower.logger.shown.length > 0);
    putService('late');
    await until('a change arrives', () => follower.has('Service demo/late'));
    expect(follower.observer.lists).toHaveLength(4);
  });

  it('that ends every watch at once is not asked in a tight loop', async () => {
    await serve();
    let requests = 0;
    const url = await front((request, response) => {
      requests++;
      const watch = request.url?.includes('watch=true') === true;
      response.end(watch ? '' : '{"kind":"List","metadata":{"resourceVersion":"7"},"items":[]}');
      return true;
    });
    const clock = new ManualClock();
    const follower = await follow({ clock, timing: {}, url });
    await follower.synced();
    for (let round = 0; round < 6; round++) {
      await until('all kinds wait', () => clock.waits.length === 4 && clock.waits.every((ms) => ms < 60_000));
      clock.advance(clock.waits[0] ?? 0);
    }
    await until('all kinds wait', () => clock.waits.length === 4 && clock.waits.every((ms) => ms < 60_000));
    expect(clock.waits[0]).toBeGreaterThan(20_000);
    expect(requests).toBeLessThan(100);
    expect(follower.logger.shown.filter((line) => line.includes('as soon as they begin'))).toHaveLength(4);
  });
});

describe('rights', () => {
  it('that are missing are named with verb, resource and rule, until they are given', async () => {
    await serve();
    putSlice('web-1', ['10.0.0.1']);
    server.deny = ({ resource }) => resource.plural === 'endpointslices';
    const follower = await follow();
    await until('it is said', () => follower.logger.shown.length > 0);
    expect(follower.logger.shown).toEqual([
      'warn: cannot watch endpointslices: not allowed; bind the ClusterRole system:node-proxier, or one with {apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"]} (403: endpointslices.discovery.k8s.io is forbidden: User "system:anonymous" cannot watch resource "endpointslices" in API group "discovery.k8s.io" at the cluster scope); all rules stay as they are, retrying',
    ]);
    await until('it was tried again', () => asked('watch', 'endpointslices').length > 3);
    server.deny = () => false;
    await follower.synced();
    expectEqual(follower);
    expect(follower.logger.shown.slice(1)).toEqual([
      expect.stringMatching(/^info: followed again after \d+ s: EndpointSlice$/),
    ]);
  });

  it.each([403, 404])('or a server that has no ServiceCIDRs (%s) cost one line', async (code) => {
    await serve();
    putServiceCIDR();
    let refusing = true;
    const url = await front((request, response) => {
      if (!refusing || !request.url?.includes('servicecidrs')) return false;
      const status = { kind: 'Status', code, message: 'the server could not find the requested resource' };
      response.writeHead(code, { 'Content-Type': 'application/json' }).end(JSON.stringify(status));
      return true;
    });
    const follower = await follow({ url, timing: { ...HASTY, optionalRetryMs: 5 } });
    await follower.synced();
    const tries = () => follower.observer.requests.filter((request) => request.code === String(code)).length;
    await until('it was asked again', () => tries() > 3);
    expect(follower.logger.shown).toEqual([
      expect.stringMatching(/^info: cannot watch servicecidrs: .*; going on without$/),
    ]);
    refusing = false;
    await until('they are there', () => follower.has('ServiceCIDR kubernetes'));
    refusing = true;
    server.dropConnections();
    await until('all are watched again', () => server.watches() === (code === 404 ? 3 : 4));
  });

  it('to ServiceCIDRs are looked for again after ten minutes', async () => {
    await serve();
    server.deny = ({ resource }) => resource.plural === 'servicecidrs';
    const clock = new ManualClock();
    const follower = await follow({ clock, timing: {} });
    await follower.synced();
    await until('the next attempt is due', () => clock.waits.includes(600_000));
  });

  it('to ServiceCIDRs that are lost for a moment lose none of them', async () => {
    await serve();
    putServiceCIDR();
    const follower = await follow();
    await follower.synced();
    server.deny = ({ resource }) => resource.plural === 'servicecidrs';
    server.dropConnections();
    await until('it is said', () => follower.logger.shown.length > 0);
    server.deny = () => false;
    await until('they are followed again', () => follower.logger.shown.length > 1);
    expect(follower.sink.take().filter((line) => line.includes('ServiceCIDR'))).toEqual([
      '+ServiceCIDR kubernetes',
      'synced ServiceCIDR',
    ]);
  });

  it('to ServiceCIDRs are no concern of a node that does not follow them', async () => {
    await serve();
    const follower = new Follower();
    followers.push(follower);
    follower.serviceCIDRs = false;
    await follower.start(server.url, HASTY);
    await until('the others are synced', () => server.watches() === 3);
    expect(asked('watch', 'servicecidrs')).toEqual([]);
  });
});

describe('anything', () => {
  it('may happen in any order, and in the end the node knows what the server knows', async () => {
    await serve({ historyLimit: 20, resourceVersion: 100_000 });
    const follower = await follow({ timing: { ...HASTY, answerMs: 100, silenceMs: 100 } });
    const random = generator('the order of this test');
    const pick = (count: number) => Math.floor(random() * count);
    const troubles = [
      () => server.dropConnections(),
      () => server.compact(),
      () => server.endWatches(),
      () => server.bookmark(),
      () => server.restart({ resourceVersion: server.resourceVersion - 1000 }),
      () => server.faults.stall(),
      () => server.faults.resume(),
      () => server.faults.failNext({ status: 500, count: pick(8) }),
      () => server.faults.cutWatches({ afterEvents: pick(4), count: pick(4), how: 'end' }),
      () => server.faults.cutWatches({ afterEvents: pick(4), count: pick(4), how: 'reset' }),
      () => server.stop(),
      () => server.start().catch(() => {}),
    ];
    for (let step = 0; step < 400; step++) {
      const name = `web-${pick(12)}`;
      if (pick(3) === 0) server.delete('Service', 'demo', name);
      else putService(name);
      if (pick(3) === 0) putSlice(`web-${pick(12)}`, [`10.0.0.${step % 250}`]);
      if (pick(4) === 0) await troubles[pick(troubles.length)]?.();
      if (pick(4) === 0) await new Promise((resolve) => setTimeout(resolve, pick(8)));
    }
    server.faults.clear();
    await server.start().catch(() => {});
    putService('the-last');
    await until('the last change arrives', () => follower.has('Service demo/the-last'));
    await until('all watch again', () => server.watches() === 4);
    await until('all is equal', () => {
      try {
        expectEqual(follower);
        return true;
      } catch {
        return false;
      }
    });
  });
});

/** Numbers in [0, 1) that are the same in every run. */
function generator(seed: string): () => number {
  let count = 0;
  return () => createHash('sha256').update(`${seed} ${count++}`).digest().readUInt32BE() / 2 ** 32;
}
