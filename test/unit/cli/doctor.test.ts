import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ApiServer, startApiServer } from '../../apiserver/server.ts';
import { fairlead, file, folder, type RunOptions } from './fairlead.ts';

const CLUSTER = `
apiVersion: v1
kind: Node
metadata: { name: node-1 }
spec: { podCIDRs: [10.244.0.0/24] }
status: { addresses: [{ type: InternalIP, address: 192.0.2.77 }] }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec:
  clusterIP: 10.96.0.10
  selector: { app: web }
  ports: [{ port: 80, targetPort: http }]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web-1, namespace: shop, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
ports: [{ name: '', port: 8080, protocol: TCP }]
endpoints: [{ addresses: [10.244.0.5], conditions: { ready: true }, nodeName: node-1, targetRef: { kind: Pod, name: web-1 } }]
---
apiVersion: v1
kind: Service
metadata: { name: store, namespace: shop }
spec: { clusterIP: None, ports: [{ port: 6379 }] }
---
apiVersion: v1
kind: Service
metadata: { name: outside, namespace: shop }
spec: { type: ExternalName, externalName: db.example.com }
`;
const POD = `
apiVersion: v1
kind: Pod
metadata: { name: web-1, namespace: shop, labels: { app: web } }
spec: { containers: [{ name: main, image: web, ports: [{ name: http, containerPort: 8080 }] }] }
status: { conditions: [{ type: Ready, status: 'True' }] }
`;

let server: ApiServer;
beforeEach(async () => {
  server = await startApiServer();
  server.loadYaml(`${CLUSTER}---${POD}`);
});
afterEach(() => server.close());

interface Report {
  readonly probableCause: string | null;
  readonly summary: Readonly<Record<string, number>>;
  readonly checks: readonly { id: string; status: string; evidence: string }[];
}

async function doctor(args: readonly string[], options?: RunOptions) {
  const flags = ['doctor', '--offline', '--hostname-override=node-1', '--output=json', ...args];
  const { exitCode, stdout, stderr } = await fairlead(flags, options);
  const report: Report = stdout === '' ? { probableCause: '', summary: {}, checks: [] } : JSON.parse(stdout);
  const evidence = (id: string) => report.checks.find((check) => check.id === id)?.evidence;
  const of = (status: string) => report.checks.filter((check) => check.status === status).map(({ id }) => id);
  return { exitCode, stderr, report, evidence, of };
}

const live = async (...args: readonly string[]) =>
  doctor(['--kubeconfig', await file(server.kubeconfig(), 'admin.conf'), ...args]);

describe('fairlead doctor --offline, with a live cluster', () => {
  test('finds nothing wrong with a Service that works', async () => {
    const { exitCode, stderr, of, report } = await live('svc/shop/web');
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(of('ok')).toEqual([
      ...['api-reachable', 'api-permitted', 'node-found', 'objects-readable'],
      ...[
        'service-exists',
        'service-type',
        'service-selector',
        'service-ports',
        'service-endpoints',
        'service-clash',
      ],
    ]);
    expect(report).toMatchObject({ probableCause: null, summary: { failed: 0, warning: 0 } });
  });

  test('only reads', async () => {
    await live('svc/shop/web');
    await live();
    expect(new Set(server.requests.map(({ method }) => method))).toEqual(new Set(['GET']));
    await expect.poll(() => server.watches()).toBe(0);
  });

  test.each([
    ['store', 'headless: DNS answers'],
    ['outside', 'ExternalName: DNS answers with the name db.example.com'],
  ])('explains a Service that has nothing to program: %s', async (name, text) => {
    const { exitCode, evidence } = await live(`svc/shop/${name}`);
    expect(evidence('service-type')).toContain(text);
    expect(exitCode).toBe(name === 'store' ? 1 : 0);
  });

  test('says why an endpoint is not ready, as its Pod tells', async () => {
    server.patch('EndpointSlice', 'shop', 'web-1', {
      endpoints: [
        {
          addresses: ['10.244.0.5'],
          conditions: { ready: false },
          targetRef: { kind: 'Pod', name: 'web-1' },
        },
      ],
    });
    const waiting = { reason: 'ImagePullBackOff', message: 'not found' };
    const container = { name: 'main', ready: false, state: { waiting } };
    const conditions = [{ type: 'Ready', status: 'False' }];
    server.patch('Pod', 'shop', 'web-1', { status: { conditions, containerStatuses: [container] } });
    const { exitCode, of, evidence } = await live('shop/web');
    expect({ exitCode, failed: of('failed') }).toEqual({ exitCode: 1, failed: ['service-endpoints'] });
    expect(evidence('service-endpoints')).toContain('container main waits: ImagePullBackOff: not found');
  });

  test('goes on without Pods that may not be read', async () => {
    server.deny = ({ resource }) => resource.plural === 'pods';
    const { exitCode, evidence } = await live('shop/web');
    expect(exitCode).toBe(0);
    expect(evidence('service-selector')).toBe('selector app=web has led to 1 endpoint');
  });

  test('names each verb that is missing', async () => {
    server.deny = ({ resource, verb }) => resource.plural === 'services' || verb === 'watch';
    const { exitCode, evidence, report } = await live();
    expect(exitCode).toBe(1);
    expect(evidence('api-permitted')).toBe(
      'not allowed: list services, watch services, watch endpointslices.discovery.k8s.io and watch nodes',
    );
    expect(report.probableCause).toBe('api-permitted');
  });

  test('names the Node that was probably meant', async () => {
    const { exitCode, report, evidence } = await live('--hostname-override=node1');
    expect({ exitCode, cause: report.probableCause }).toEqual({ exitCode: 1, cause: 'node-found' });
    expect(evidence('node-found')).toContain('there is no Node node1');
  });

  test.each([
    ['refuses the credentials', () => server.faults.failNext({ status: 401, count: 99 })],
    ['is in trouble', () => server.faults.failNext({ status: 500, count: 99 })],
    ['says nothing at all', () => server.faults.stall()],
    ['is away', () => server.stop()],
  ])('ends soon where the API server %s', { timeout: 20_000 }, async (_, trouble) => {
    const kubeconfig = await file(server.kubeconfig(), 'admin.conf');
    await trouble();
    const { exitCode, report } = await doctor(['--kubeconfig', kubeconfig, 'shop/web']);
    server.faults.clear();
    expect({ exitCode, cause: report.probableCause }).toEqual({ exitCode: 1, cause: 'api-reachable' });
    expect(report.checks.find(({ id }) => id === 'service-exists')?.status).toBe('skipped');
  });

  test('does not need a kubeconfig to say that there is none', async () => {
    const { exitCode, evidence } = await doctor([`--kubeconfig=${await folder()}/none.conf`]);
    expect(exitCode).toBe(1);
    expect(evidence('api-reachable')).toMatch(/none\.conf cannot be read/);
  });
});

describe('fairlead doctor --from', () => {
  const from = async (text: string, ...args: readonly string[]) =>
    doctor(['--from', await file(text), ...args]);

  test('finds out from files what they tell, Pods among them', async () => {
    const pod = POD.replace('name: http', 'name: htpp');
    const slice = CLUSTER.replace("ports: [{ name: '', port: 8080, protocol: TCP }]", 'ports: []');
    const { exitCode, of, evidence } = await from(`${slice}---${pod}`, 'shop/web');
    expect({ exitCode, failed: of('failed') }).toEqual({ exitCode: 1, failed: ['service-ports'] });
    expect(evidence('service-ports')).toBe(
      'port 80/TCP leads nowhere: no Pod has a container port named http (they have htpp)',
    );
  });

  test('reads standard input', async () => {
    const { exitCode, evidence } = await doctor(['--from=-', 'shop/web'], { input: CLUSTER });
    expect(exitCode).toBe(0);
    expect(evidence('service-selector')).toBe('selector app=web has led to 1 endpoint');
  });

  test('names all Services that look broken', async () => {
    const { exitCode, of, evidence } = await from(CLUSTER.replace('ready: true', 'ready: false'));
    expect({ exitCode, failed: of('failed') }).toEqual({ exitCode: 1, failed: ['services-endpoints'] });
    expect(evidence('services-endpoints')).toMatch(/^1 of 1 Service: shop\/web: 0 of 1 endpoint ready/);
  });

  test('names a field of the Service that cannot be used', async () => {
    const { of, evidence } = await from(
      CLUSTER.replace('selector: { app: web }', 'externalIPs: [nowhere]'),
      'shop/web',
    );
    expect(of('failed')).toEqual(['objects-readable']);
    expect(evidence('objects-readable')).toMatch(/spec\.externalIPs\[0\] must be/);
  });

  test('looks at no machine that is not the node', async () => {
    const path = await file(CLUSTER);
    const { stdout } = await fairlead([
      'doctor',
      '--hostname-override=node-1',
      '--output=json',
      '--from',
      path,
    ]);
    const { checks }: Report = JSON.parse(stdout);
    expect(checks.find(({ id }) => id === 'node-here')).toMatchObject({ status: 'warning' });
    expect(checks.find(({ id }) => id === 'node-forwarding')).toMatchObject({
      status: 'skipped',
      evidence: expect.stringContaining('this is not Node node-1'),
    });
  });

  test('is for people unless it is said otherwise', async () => {
    const path = await file(CLUSTER);
    const { stdout } = await fairlead(['doctor', '--offline', '--hostname-override=node-1', '--from', path], {
      env: { PATH: process.env['PATH'] ?? '', LC_ALL: 'C' },
    });
    expect(stdout).toMatch(/^Cluster\n {2}\[skip\] {2}API server/);
    expect(stdout).toMatch(/\nNone of 6 checks failed \(\d+ skipped\)\.\n$/);
  });
});

describe('wrong usage is exit code 2 and one line', () => {
  test.each([
    ['a Service without namespace', ['web'], /must be svc\/NAMESPACE\/NAME/],
    ['two Services', ['a/b', 'c/d'], /one Service at a time/],
    ['an unknown flag', ['--onffline'], /did you mean --offline/],
    ['a file that is not there', ['--from=/nowhere.yaml'], /\/nowhere\.yaml cannot be read/],
    ['an unknown format', ['--output=yaml'], /--output must be text or json/],
  ])('%s', async (_, args, message) => {
    const { exitCode, stdout, stderr } = await fairlead(['doctor', '--offline', ...args]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toMatch(/^fairlead: [^\n]+\n$/);
    expect(stderr).toMatch(message);
  });
});
