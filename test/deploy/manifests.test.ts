import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { V1ClusterRole, V1ClusterRoleBinding, V1ServiceAccount } from '@kubernetes/client-node';
import { describe, expect, it } from 'vitest';
import pkg from '../../package.json' with { type: 'json' };
import { readKubeConfig } from '../../src/cluster/kubeconfig.ts';
import { loadSettings } from '../../src/config/load.ts';
import type { Mode } from '../../src/config/settings.ts';
import { schemaFaults } from './api-types.ts';
import { kubectlHindrance, type Manifest, OVERLAYS, type Overlay, renderedOverlay } from './kubectl.ts';
import {
  allContainers,
  configFiles,
  daemonSetSpec,
  mainContainer,
  ofKind,
  podSpec,
  theOnly,
} from './manifests.ts';

const CONFIG_FOLDER = '/var/lib/kube-proxy';

const MOUNT_PATHS: Readonly<Record<string, string>> = {
  config: CONFIG_FOLDER,
  'xtables-lock': '/run/xtables.lock',
  'lib-modules': '/lib/modules',
};

const MODES: Readonly<Record<Overlay, Mode>> = {
  iptables: 'iptables',
  ipvs: 'ipvs',
  nftables: 'nftables',
  kubeadm: 'iptables',
  'least-privilege': 'iptables',
};

/** What matters here of kubeadm's ConfigMap kube-proxy, which is in the cluster already. */
const KUBEADM_FILES = new Map([
  [
    'config.conf',
    `apiVersion: kubeproxy.config.k8s.io/v1alpha1
bindAddress: 0.0.0.0
clientConnection:
  kubeconfig: /var/lib/kube-proxy/kubeconfig.conf
clusterCIDR: 10.244.0.0/16
healthzBindAddress: ""
kind: KubeProxyConfiguration
metricsBindAddress: ""
mode: ""
`,
  ],
]);

const hindrance = await kubectlHindrance();

if (hindrance !== undefined && process.env['CI'] === 'true') {
  it('the manifests', () => expect.fail(`CI must test them: ${hindrance}`));
}

const manifests = new Map<Overlay, readonly Manifest[]>();
if (hindrance === undefined) {
  await Promise.all(OVERLAYS.map(async (overlay) => manifests.set(overlay, await renderedOverlay(overlay))));
}

describe.skipIf(hindrance !== undefined)(
  hindrance === undefined ? 'manifests' : `manifests (skipped: ${hindrance})`,
  () => {
    it('there is no overlay beside the tested ones', async () => {
      const folders = await readdir(new URL('../../deploy/overlays/', import.meta.url));
      expect(folders.sort()).toEqual([...OVERLAYS].sort());
    });

    describe.each(OVERLAYS)('%s', (overlay) => {
      const objects = manifests.get(overlay) ?? [];

      it('has only fields that the API knows', async () => {
        expect(await schemaFaults(objects)).toEqual([]);
      });

      it('has one DaemonSet and what it needs, and nothing else', () => {
        const names = objects.map(({ kind, metadata: { name } }) => `${kind} ${name.replace(HASH, '-HASH')}`);
        expect(names.sort()).toEqual([
          'ClusterRole fairlead',
          'ClusterRoleBinding fairlead',
          'ClusterRoleBinding fairlead:node-proxier',
          ...(overlay === 'kubeadm' ? [] : ['ConfigMap fairlead-HASH']),
          'DaemonSet fairlead',
          'ServiceAccount fairlead',
        ]);
        for (const { kind, metadata } of objects) {
          expect(metadata.namespace, kind).toBe(kind.startsWith('Cluster') ? undefined : 'kube-system');
        }
      });

      it('runs on every Linux node, whatever is wrong with it, and is evicted last', () => {
        expect(podSpec(objects)).toMatchObject({
          hostNetwork: true,
          dnsPolicy: 'Default',
          priorityClassName: 'system-node-critical',
          nodeSelector: { 'kubernetes.io/os': 'linux' },
          tolerations: [{ operator: 'Exists' }],
        });
      });

      it('selects its own Pods, and none of kube-proxy', () => {
        const { selector, template } = daemonSetSpec(objects);
        expect(selector).toEqual({ matchLabels: { 'app.kubernetes.io/name': 'fairlead' } });
        expect(template.metadata?.labels).toEqual(selector.matchLabels);
      });

      it('runs the version of package.json', () => {
        for (const { image } of allContainers(objects)) expect(image).toBe(`fairlead:${pkg.version}`);
      });

      it('mounts the volumes that there are, where Fairlead looks, and writes to none but the lock', () => {
        const volumes = new Map((podSpec(objects).volumes ?? []).map((volume) => [volume.name, volume]));
        expect(volumes.get('xtables-lock')?.hostPath).toEqual({
          path: '/run/xtables.lock',
          type: 'FileOrCreate',
        });
        expect(volumes.get('lib-modules')?.hostPath?.path).toBe('/lib/modules');
        const used = new Set<string>();
        for (const { name: container, volumeMounts = [] } of allContainers(objects)) {
          for (const { name, mountPath, readOnly = false } of volumeMounts) {
            used.add(name);
            expect(mountPath, container).toBe(MOUNT_PATHS[name]);
            expect(readOnly, `${container}: ${mountPath}`).toBe(name !== 'xtables-lock');
          }
        }
        expect([...volumes.keys()].sort()).toEqual([...used].sort());
      });

      it('can be scheduled anywhere, and is never throttled or killed for what it takes', () => {
        const { requests, limits } = mainContainer(objects).resources ?? {};
        expect(requests).toEqual({ cpu: '10m', memory: '100Mi' });
        expect(limits).toBeUndefined();
      });

      it('is replaced on a few nodes at a time, and given the time to end by itself', () => {
        const { updateStrategy, template } = daemonSetSpec(objects);
        expect(updateStrategy).toEqual({
          type: 'RollingUpdate',
          rollingUpdate: { maxUnavailable: '10%' },
        });
        expect(template.spec?.terminationGracePeriodSeconds).toBeGreaterThan(5);
      });

      it('may do what kube-proxy may, and write Events and read ServiceCIDRs', () => {
        const account = theOnly<V1ServiceAccount>(objects, 'ServiceAccount').metadata?.name;
        expect(podSpec(objects).serviceAccountName).toBe(account);
        const bindings = ofKind<V1ClusterRoleBinding>(objects, 'ClusterRoleBinding');
        expect(bindings.map(({ roleRef }) => roleRef.name).sort()).toEqual([
          'fairlead',
          'system:node-proxier',
        ]);
        for (const { subjects } of bindings) {
          expect(subjects).toEqual([{ kind: 'ServiceAccount', name: account, namespace: 'kube-system' }]);
        }
        expect(theOnly<V1ClusterRole>(objects, 'ClusterRole').rules).toEqual([
          { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create', 'patch'] },
          { apiGroups: ['networking.k8s.io'], resources: ['servicecidrs'], verbs: ['list', 'watch'] },
        ]);
      });

      it('starts with flags and a configuration that give no cause for a note', () => {
        for (const { args = [], env } of allContainers(objects)) {
          expect(env).toEqual([
            { name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
          ]);
          const { settings, notes } = started(objects, args);
          expect(notes).toEqual([]);
          expect(settings).toMatchObject({
            mode: MODES[overlay],
            nodeName: 'worker-1',
            kubeconfig: `${CONFIG_FOLDER}/kubeconfig.conf`,
          });
        }
      });

      it('is probed where it answers', () => {
        const { args = [], livenessProbe, readinessProbe, ports } = mainContainer(objects);
        const { config } = started(objects, args).settings;
        // All addresses of both families: the kubelet asks the Node's.
        expect(config.healthzBindAddress).toBe('0.0.0.0:10256');
        expect(livenessProbe?.httpGet).toEqual({ path: '/livez', port: 10256 });
        expect(readinessProbe?.httpGet).toEqual({ path: '/healthz', port: 10256 });
        expect(ports).toEqual([
          { name: 'healthz', containerPort: 10256 },
          { name: 'metrics', containerPort: portOf(config.metricsBindAddress) },
        ]);
      });
    });

    // kubeadm's is in the cluster already.
    const OWN = OVERLAYS.filter((overlay) => overlay !== 'kubeadm');
    it.each(OWN)('%s: asks an API server that takes no Services to reach', async (overlay) => {
      const folder = await mkdtemp(join(tmpdir(), 'fairlead-kubeconfig-'));
      try {
        const kubeconfig = join(folder, 'kubeconfig.conf');
        await writeFile(kubeconfig, configFiles(manifests.get(overlay) ?? []).get('kubeconfig.conf') ?? '');
        const config = readKubeConfig({ kubeconfig, master: undefined, env: {}, serviceAccount: folder });
        const secrets = '/var/run/secrets/kubernetes.io/serviceaccount';
        expect(config.getCurrentCluster()).toMatchObject({
          server: 'https://control-plane.example.com:6443',
          caFile: `${secrets}/ca.crt`,
          skipTLSVerify: false,
        });
        expect(config.getCurrentUser()?.authProvider).toEqual({
          name: 'tokenFile',
          config: { tokenFile: `${secrets}/token` },
        });
      } finally {
        await rm(folder, { recursive: true });
      }
    });

    it.each(['iptables', 'ipvs', 'nftables', 'kubeadm'] as const)('%s: is privileged', (overlay) => {
      expect(mainContainer(manifests.get(overlay) ?? []).securityContext).toEqual({
        privileged: true,
        readOnlyRootFilesystem: true,
      });
      expect(podSpec(manifests.get(overlay) ?? []).initContainers).toBeUndefined();
    });

    it('least-privilege: after a privileged start, two capabilities are all there is', () => {
      const objects = manifests.get('least-privilege') ?? [];
      const [init, ...more] = podSpec(objects).initContainers ?? [];
      expect(more).toEqual([]);
      expect(init?.securityContext?.privileged).toBe(true);
      const main = mainContainer(objects);
      expect(init?.args).toEqual(['--init-only', ...(main.args ?? [])]);
      expect(main.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'], add: ['NET_ADMIN', 'NET_RAW'] },
        seccompProfile: { type: 'RuntimeDefault' },
      });
      // Without the right to load modules there is nothing to look for.
      expect(main.volumeMounts?.map(({ name }) => name)).not.toContain('lib-modules');
    });

    it('kubeadm: mounts the ConfigMap of kube-proxy', () => {
      const [config] = podSpec(manifests.get('kubeadm') ?? []).volumes ?? [];
      expect(config).toEqual({ name: 'config', configMap: { name: 'kube-proxy' } });
    });

    it('a field that is misspelt, missing or of the wrong type is found', async () => {
      const faultsAfter = (change: (container: object) => void) => {
        const objects = structuredClone(manifests.get('iptables') ?? []);
        change(mainContainer(objects));
        return schemaFaults(objects);
      };
      const faults = await Promise.all([
        faultsAfter((container) => Object.assign(container, { imagePulPolicy: 'Always' })),
        faultsAfter((container) => Reflect.deleteProperty(container, 'name')),
        faultsAfter((container) => Object.assign(container, { args: '--init-only' })),
      ]);
      expect(faults.map((lines) => lines.join('\n'))).toEqual([
        expect.stringContaining('imagePulPolicy'),
        expect.stringMatching(/'name'+ is missing/),
        expect.stringContaining("'string' is not assignable to type 'string[]'"),
      ]);
    });
  },
);

const HASH = /-[a-z0-9]{10}$/;

/** What Fairlead makes of a container's arguments on a node named worker-1, once the kubelet has filled them in. */
function started(objects: readonly Manifest[], args: readonly string[]) {
  const files = configFiles(objects);
  const loaded = loadSettings(
    args.map((arg) => arg.replace('$(NODE_NAME)', 'worker-1')),
    {
      readFile: (path) => {
        const name = path.replace(`${CONFIG_FOLDER}/`, '');
        const text = (files.size > 0 ? files : KUBEADM_FILES).get(name);
        if (text === undefined) throw new Error(`no file ${path}`);
        return text;
      },
      hostname: () => 'not-the-node',
    },
  );
  if (loaded.kind !== 'settings') throw new Error('it would print something and exit');
  return loaded;
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}
