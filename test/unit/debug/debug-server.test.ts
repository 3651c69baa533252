import { once } from 'node:events';
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { configObject } from '../../../src/config/config-text.ts';
import { flagValues } from '../../../src/config/flag-values.ts';
import { loadSettings } from '../../../src/config/load.ts';
import { type DebugHandlerOptions, debugHandler } from '../../../src/debug/debug-server.ts';
import { Metrics } from '../../../src/metrics/metrics.ts';
import { ManualClock } from '../cluster/manual-clock.ts';
import { until } from '../cluster/until.ts';

let clock: ManualClock;
let cleanups: (() => unknown)[];
beforeEach(() => {
  clock = new ManualClock();
  cleanups = [];
});
afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

const loaded = loadSettings(['--proxy-mode=nftables', '--hostname-override=node-a'], {
  readFile: () => '',
  hostname: () => 'host',
});
if (loaded.kind === 'print') throw new Error('settings expected');
const { settings } = loaded;

async function serve(options: Partial<DebugHandlerOptions> = {}): Promise<string> {
  const { mode, config } = settings;
  const handler = debugHandler({
    mode,
    version: '1.2.3',
    clock,
    metrics: new Metrics({ mode, families: ['ipv4'], clock, version: '1.2.3' }),
    config: configObject(config),
    flags: flagValues(settings),
    rules: () => undefined,
    profiling: false,
    ...options,
  });
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function get(url: string, init: RequestInit = {}) {
  const response = await fetch(url, init);
  const { status, headers } = response;
  return { status, headers, type: headers.get('content-type'), text: await response.text() };
}

const TEXT = 'text/plain; charset=utf-8';

describe('port 10249', () => {
  it('says that it is there', async () => {
    const url = await serve();
    expect(await get(`${url}/healthz`)).toMatchObject({ status: 200, type: TEXT, text: 'ok' });
    expect(await get(`${url}/healthz/ping`)).toMatchObject({ status: 200, text: 'ok' });
    expect(await get(`${url}/healthz?verbose`)).toMatchObject({ text: '[+]ping ok\nhealthz check passed\n' });
  });

  it('serves metrics as Prometheus wants them', async () => {
    const url = await serve();
    const { type, text } = await get(`${url}/metrics`);
    expect(type).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(text).toContain('# TYPE kubeproxy_sync_proxy_rules_duration_seconds histogram');
  });

  it('counts its own checks in /metrics/slis, until they are reset', async () => {
    const url = await serve();
    await get(`${url}/healthz`);
    await get(`${url}/healthz`);
    const before = await get(`${url}/metrics/slis`);
    expect(before.type).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(before.text).toContain('kubernetes_healthcheck{name="ping",type="healthz"} 1');
    expect(before.text).toContain(
      'kubernetes_healthchecks_total{name="ping",type="healthz",status="success"} 2',
    );
    expect(await get(`${url}/metrics/slis`, { method: 'DELETE' })).toMatchObject({ text: 'metrics reset\n' });
    expect((await get(`${url}/metrics/slis`)).text).not.toContain('ping');
  });

  it('names the mode, and nothing else, in /proxyMode', async () => {
    const url = await serve();
    const { headers, ...answer } = await get(`${url}/proxyMode`);
    expect(answer).toEqual({ status: 200, type: TEXT, text: 'nftables' });
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('shows the configuration in use under the name of its API group', async () => {
    const url = await serve();
    const { type, text } = await get(`${url}/configz`);
    expect(type).toBe('application/json');
    expect(JSON.parse(text)).toEqual({
      'kubeproxy.config.k8s.io': expect.objectContaining({
        apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
        mode: 'nftables',
        metricsBindAddress: '127.0.0.1:10249',
      }),
    });
  });

  it('streams what is programmed, and says when nothing is yet', async () => {
    const rules = await serve({
      rules: async function* () {
        yield '# iptables-save\n';
        for (let i = 0; i < 20_000; i++) yield `-A KUBE-SERVICES ${i}\n`;
      },
    });
    const { status, type, text } = await get(`${rules}/debug/rules`);
    expect({ status, type }).toEqual({ status: 200, type: TEXT });
    expect(text.split('\n')).toHaveLength(20_002);
    expect(await get(`${rules}/debug/rules`, { method: 'HEAD' })).toMatchObject({ status: 200, text: '' });
    expect(await get(`${await serve()}/debug/rules`)).toMatchObject({ status: 503 });
  });

  it('breaks off an answer that fails on its way, and goes on serving', async () => {
    const url = await serve({
      rules: function* () {
        yield 'x'.repeat(100_000);
        throw new Error('gone');
      },
    });
    await expect(get(`${url}/debug/rules`)).rejects.toThrow();
    expect(await get(`${url}/healthz`)).toMatchObject({ status: 200 });
  });

  it('tells in a word what went wrong', async () => {
    const url = await serve({
      metrics: { text: () => Promise.reject(new Error('no metrics today')), contentType: TEXT },
    });
    expect(await get(`${url}/metrics`)).toMatchObject({ status: 500, text: 'no metrics today\n' });
  });

  it('answers HEAD without a body', async () => {
    const url = await serve();
    const { status, headers, text } = await get(`${url}/configz`, { method: 'HEAD' });
    expect({ status, text }).toEqual({ status: 200, text: '' });
    expect(Number(headers.get('content-length'))).toBeGreaterThan(100);
  });

  it('knows no other paths and no other methods', async () => {
    const url = await serve();
    for (const path of ['/', '/debug', '/metrics/', '/livez']) {
      expect(await get(url + path)).toMatchObject({ status: 404, text: '404 page not found\n' });
    }
    const { status, headers } = await get(`${url}/metrics`, { method: 'POST', body: 'x' });
    expect(status).toBe(405);
    expect(headers.get('allow')).toBe('GET, HEAD');
  });
});

describe('who comes by a name that is not of this node', () => {
  const more = [{ path: '/debug/state', answer: () => ({ type: TEXT, body: 'state' }) }];

  /** The status of an answer to somebody who calls the server by that name. */
  async function statusFor(url: string, headers: OutgoingHttpHeaders, method = 'GET'): Promise<number> {
    const request = httpRequest(url, { headers, method, agent: false });
    const [response] = (await once(request.end(), 'response')) as [IncomingMessage];
    response.resume();
    return response.statusCode ?? 0;
  }

  it.each(['/healthz', '/healthz/ping', '/metrics', '/metrics/slis', '/proxyMode'])(
    'may have %s, as Prometheus and probes do',
    async (path) => {
      const url = await serve();
      expect(await statusFor(url + path, { host: 'node-a.example:10249' })).toBe(200);
    },
  );

  it('may have nothing else', async () => {
    const url = await serve({ profiling: true, setVerbosity: () => {}, rules: () => ['x'], more });
    const listed = (await get(`${url}/statusz`)).text.match(/^Paths: (.*)$/m)?.[1]?.split(' ') ?? [];
    const others = listed.filter((path) => !/^\/(healthz|metrics|proxyMode)/.test(path));
    expect(others).toEqual(expect.arrayContaining(['/configz', '/flagz', '/debug/rules', '/debug/state']));
    for (const path of others) {
      const method = path === '/debug/flags/v' ? 'PUT' : 'GET';
      expect(await statusFor(url + path, { host: 'attacker.example:10249' }, method), path).toBe(403);
    }
  });

  it.each(['localhost:10249', '127.0.0.1', '192.0.2.11:10249', '[fd00::11]:10249'])(
    'may have all as %s',
    async (host) => {
      const url = await serve({ rules: () => ['x'], more });
      for (const path of ['/configz', '/flagz', '/statusz', '/debug/rules', '/debug/state']) {
        expect(await statusFor(url + path, { host }), path).toBe(200);
      }
    },
  );

  it('is refused what the page of another site asks for, but may follow its link', async () => {
    const url = await serve();
    const from = (mode: string) => ({ 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': mode });
    expect(await statusFor(`${url}/configz`, from('no-cors'))).toBe(403);
    expect(await statusFor(`${url}/configz`, from('navigate'))).toBe(200);
  });
});

describe('/statusz and /flagz', () => {
  it('are for people', async () => {
    const url = await serve();
    clock.advance(3_725_000);
    const status = await get(`${url}/statusz`);
    expect(status.type).toBe(TEXT);
    expect(status.text).toContain('fairlead statusz\nWarning:');
    expect(status.text).toContain('Up: 1 hr 02 min 05 sec\n');
    expect(status.text).toContain('Binary version: 1.2.3\n');
    expect(status.text).toMatch(/^Paths: .*\/configz .*\/proxyMode \/statusz$/m);
    const flags = await get(`${url}/flagz`);
    expect(flags.text).toContain('fairlead flags\nWarning:');
    expect(flags.text).toContain('\nproxy-mode=nftables\n');
  });

  it('are objects for those who ask for them by name', async () => {
    const url = await serve();
    clock.advance(90_000);
    const accept = (kind: string) => ({
      headers: { accept: `application/json;as=${kind};v=v1beta1;g=config.k8s.io` },
    });
    const status = await get(`${url}/statusz`, accept('Statusz'));
    expect(status.type).toBe('application/json');
    expect(JSON.parse(status.text)).toMatchObject({
      kind: 'Statusz',
      apiVersion: 'config.k8s.io/v1beta1',
      metadata: { name: 'fairlead' },
      startTime: '2026-01-01T00:00:00Z',
      uptimeSeconds: 90,
      binaryVersion: '1.2.3',
      paths: expect.arrayContaining(['/metrics', '/flagz']),
    });
    const flags = await get(`${url}/flagz`, accept('Flagz'));
    expect(JSON.parse(flags.text)).toMatchObject({
      kind: 'Flagz',
      flags: { 'proxy-mode': 'nftables', 'hostname-override': 'node-a' },
    });
  });

  it.each([
    ['application/json', 406],
    ['application/json;as=Flagz;v=v1beta1;g=config.k8s.io', 406],
    ['application/json;as=Statusz;v=v9;g=config.k8s.io', 406],
    ['application/json, */*', 200],
    ['text/plain;charset=utf-8', 200],
  ])('answer Accept: %s with %i', async (accept, status) => {
    const url = await serve();
    expect(await get(`${url}/statusz`, { headers: { accept } })).toMatchObject({ status });
  });
});

describe('profiles', () => {
  const paths = ['/debug/pprof/', '/debug/pprof/profile', '/debug/pprof/heap', '/debug/flags/v'];

  it('are not there without enableProfiling', async () => {
    const url = await serve({ setVerbosity: () => {} });
    for (const path of paths) expect(await get(url + path)).toMatchObject({ status: 404 });
  });

  it('take CPU time for so many seconds', async () => {
    const url = await serve({ profiling: true });
    const answer = get(`${url}/debug/pprof/profile?seconds=5`);
    await until('the profile is being taken', () => clock.waits[0] === 5_000);
    expect(await get(`${url}/debug/pprof/heap?seconds=1`)).toMatchObject({ status: 409 });
    clock.advance(5_000);
    const { status, headers, text } = await answer;
    expect(status).toBe(200);
    expect(headers.get('content-disposition')).toBe('attachment; filename="fairlead.cpuprofile"');
    expect(JSON.parse(text)).toMatchObject({ nodes: expect.any(Array), samples: expect.any(Array) });
  });

  it('sample allocations', async () => {
    const url = await serve({ profiling: true });
    const answer = get(`${url}/debug/pprof/heap?seconds=1`);
    await until('the profile is being taken', () => clock.waits[0] === 1_000);
    clock.advance(1_000);
    expect(JSON.parse((await answer).text)).toMatchObject({ head: expect.any(Object) });
  });

  it('stream the heap, and let the next one in when it is through', async () => {
    const url = await serve({ profiling: true });
    for (let i = 0; i < 2; i++) {
      const response = await fetch(`${url}/debug/pprof/heap`);
      expect(response.headers.get('content-disposition')).toContain('fairlead.heapsnapshot');
      // The rest is left unread: whoever goes away must not hold up others.
      if (i === 0) {
        await response.body?.cancel();
        const again = async () => (await fetch(`${url}/debug/pprof/profile?seconds=0`)).status;
        let status = 409;
        void (async () => {
          while (status === 409) status = await again();
        })();
        await until('the next may come', () => status === 400);
      } else {
        expect((await response.text()).slice(0, 12)).toBe('{"snapshot":');
      }
    }
  });

  it('end when nobody waits for them any more', async () => {
    const url = await serve({ profiling: true });
    const gone = new AbortController();
    const answer = fetch(`${url}/debug/pprof/profile?seconds=30`, { signal: gone.signal });
    await until('the profile is being taken', () => clock.waits.length === 1);
    gone.abort();
    await expect(answer).rejects.toThrow();
    await until('it ends', () => clock.waits.length === 0);
  });

  it.each(['0', '-1', '301', 'x', ''])('refuse to last for "%s" seconds', async (seconds) => {
    const url = await serve({ profiling: true });
    expect(await get(`${url}/debug/pprof/profile?seconds=${seconds}`)).toMatchObject({
      status: 400,
      text: `seconds must be above 0 and at most 300: current value is "${seconds}"\n`,
    });
  });

  it('come with a switch for the log', async () => {
    const set: number[] = [];
    const url = await serve({ profiling: true, setVerbosity: (verbosity) => set.push(verbosity) });
    const put = (body: string) => get(`${url}/debug/flags/v`, { method: 'PUT', body });
    expect(await put('4')).toMatchObject({ status: 200 });
    expect(await put('loud')).toMatchObject({
      status: 400,
      text: 'v must be a whole number: current value is "loud"\n',
    });
    expect(await get(`${url}/debug/flags/v`)).toMatchObject({ status: 405 });
    expect(set).toEqual([4]);
  });
});
