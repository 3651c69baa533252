import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Certificates, makeCertificates } from './certificates.ts';
import { service } from './cluster.ts';
import { eventually } from './eventually.ts';
import { valueAt } from './json.ts';
import { type ApiServer, startApiServer } from './server.ts';

interface Follower extends PromiseLike<unknown> {
  kill(): boolean;
}

const version = await execa('kubectl', ['version', '--client'], { reject: false });
const missing = version.exitCode !== 0;
const required = process.env['CI'] === 'true';

if (missing && required) {
  test('kubectl is installed where everything must be tested', () => {
    expect.fail('kubectl is missing: install kubernetes-client');
  });
}

describe.skipIf(missing)(
  missing ? 'kubectl (skipped: not installed; install kubernetes-client)' : 'kubectl',
  () => {
    let server: ApiServer;
    let certificates: Certificates;
    let directory: string;
    const following: Follower[] = [];

    beforeAll(async () => {
      certificates = await makeCertificates();
      const { ca, client } = certificates;
      directory = await mkdtemp(join(tmpdir(), 'kubectl-test-'));
      server = await startApiServer({
        tls: { ...certificates.server, ca, clientCa: ca },
        clientCertificate: client,
      });
      await writeFile(join(directory, 'kubeconfig'), server.kubeconfig());
      server.put(service(1));
    });

    afterAll(async () => {
      for (const child of following) child.kill();
      await Promise.all(following);
      await server.close();
      await rm(directory, { recursive: true });
    });

    test('get, by name, by selector, in all namespaces', async () => {
      expect(await kubectl('get', 'services', '-A', '-o', 'name')).toBe('service/web-00001');
      expect(await kubectl('get', 'svc', 'web-00001', '-n', 'demo', '-o', 'jsonpath={.spec.clusterIP}')).toBe(
        '10.96.0.1',
      );
      const selector = ['--field-selector', 'spec.clusterIP=None'];
      expect(await kubectl('get', 'svc', '-n', 'demo', '-o', 'name', ...selector)).toBe('');
      expect(await kubectl('get', 'svc', '-n', 'demo')).toContain('web-00001');
      expect(await kubectl('get', 'endpointslices,nodes,servicecidrs,events', '-A', '-o', 'name')).toBe('');
    });

    test('a name that is not there', async () => {
      const failed = await run('get', 'svc', 'nobody', '-n', 'demo');
      expect(failed.stderr).toBe('Error from server (NotFound): services "nobody" not found');
    });

    test('apply, once, again with a change, and again without', async () => {
      const file = join(directory, 'service.yaml');
      const manifest = (port: number) => `
apiVersion: v1
kind: Service
metadata: { name: applied, namespace: demo }
spec:
  selector: { app: web }
  ports:
  - { name: http, port: ${port} }
`;
      await writeFile(file, manifest(80));
      const apply = ['apply', '--validate=false', '-f', file];
      expect(await kubectl(...apply)).toBe('service/applied created');
      const address = valueAt(server.get('Service', 'demo', 'applied'), 'spec', 'clusterIP');
      await writeFile(file, manifest(81));
      expect(await kubectl(...apply)).toBe('service/applied configured');
      expect(await kubectl(...apply)).toBe('service/applied unchanged');
      expect(server.get('Service', 'demo', 'applied')?.['spec']).toMatchObject({
        clusterIP: address,
        ports: [{ name: 'http', port: 81, protocol: 'TCP' }],
      });
    });

    test('get -w sees what is patched and deleted', async () => {
      const lines: string[] = [];
      const watch = follow(lines, 'get', 'svc', '-n', 'demo', '-w', '--output-watch-events');
      await eventually(() => server.watches('services')).toBe(1);
      const port = '{"spec":{"ports":[{"port":80,"targetPort":9090}]}}';
      await kubectl('patch', 'svc', '-n', 'demo', 'web-00001', '-p', port);
      await kubectl('label', 'svc', '-n', 'demo', 'web-00001', 'app=web');
      await kubectl('delete', 'svc', '-n', 'demo', 'web-00001');
      await eventually(() => lines.filter((line) => line.includes('web-00001')).length).toBe(4);
      const types = lines.map((line) => line.split(/\s+/)[0] ?? '');
      expect(types.filter((type) => /^(ADDED|MODIFIED|DELETED)$/.test(type))).toEqual([
        'ADDED',
        'ADDED',
        'MODIFIED',
        'MODIFIED',
        'DELETED',
      ]);
      watch.kill();
    });

    test('patch of each type, replace, and delete of what is not Services', async () => {
      const slice = join(directory, 'slice.json');
      const object = {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: {
          name: 'applied-abc',
          namespace: 'demo',
          labels: { 'kubernetes.io/service-name': 'applied' },
        },
        addressType: 'IPv4',
        endpoints: [{ addresses: ['10.244.0.1'] }],
        ports: [{ port: 8080 }],
      };
      await writeFile(slice, JSON.stringify(object));
      const addresses = () => {
        const endpoints = server.get('EndpointSlice', 'demo', 'applied-abc')?.['endpoints'] as {
          addresses: string[];
        }[];
        return endpoints.map((endpoint) => endpoint.addresses[0]);
      };
      await kubectl('create', '--validate=false', '-f', slice);
      const name = ['endpointslice', '-n', 'demo', 'applied-abc'];
      const patches = { strategic: '10.244.0.2', merge: '10.244.0.3' };
      for (const [type, address] of Object.entries(patches)) {
        const patch = JSON.stringify({ endpoints: [{ addresses: [address] }] });
        await kubectl('patch', ...name, '--type', type, '-p', patch);
        expect(addresses()).toEqual([address]);
      }
      const operation = { op: 'add', path: '/endpoints/-', value: { addresses: ['10.244.0.4'] } };
      await kubectl('patch', ...name, '--type', 'json', '-p', JSON.stringify([operation]));
      expect(addresses()).toEqual(['10.244.0.3', '10.244.0.4']);
      await kubectl('replace', '--validate=false', '-f', slice);
      expect(addresses()).toEqual(['10.244.0.1']);
      expect(await kubectl('delete', ...name)).toMatch(
        /^endpointslice\.discovery\.k8s\.io "applied-abc" deleted/,
      );
    });

    async function kubectl(...args: readonly string[]): Promise<string> {
      const result = await run(...args);
      expect(result.exitCode, result.stderr).toBe(0);
      return result.stdout;
    }

    function run(...args: readonly string[]) {
      return execa('kubectl', args, { env: environment(), reject: false, timeout: 30_000 });
    }

    function follow(lines: string[], ...args: readonly string[]): Follower {
      const child = execa('kubectl', args, { env: environment(), reject: false, buffer: false });
      following.push(child);
      child.stdout.setEncoding('utf8').on('data', (text: string) => lines.push(...text.trim().split('\n')));
      return child;
    }

    /** Its own home: kubectl keeps what it has discovered there, by address and port. */
    function environment(): Record<string, string> {
      return { KUBECONFIG: join(directory, 'kubeconfig'), HOME: directory };
    }
  },
  60_000,
);
