import { dryRun } from '../../src/cli/dry-run.ts';
import { loadSettings } from '../../src/config/load.ts';
import { Tracker } from '../../src/tracker/tracker.ts';

/** A small cluster, and node-a in it. */
export interface AuditCluster {
  readonly mode: 'iptables' | 'ipvs' | 'nftables';
  readonly services: readonly object[];
  readonly slices?: readonly object[];
  readonly nodes?: readonly object[];
  readonly serviceCIDRs?: readonly object[];
  readonly flags?: readonly string[];
  /** Fields of a KubeProxyConfiguration, as YAML. */
  readonly config?: string;
}

const CONFIG = 'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n';

/** The lines of one section of the dry run, without what indents them. */
export function auditLines(file: string, cluster: AuditCluster): readonly string[] {
  const flags = [
    '--dry-run',
    `--mode=${cluster.mode}`,
    '--hostname-override=node-a',
    '--local-addresses=172.18.0.2,fd00:172:18::2',
    ...(cluster.flags ?? []),
    ...(cluster.config === undefined ? [] : ['--config=config.yaml']),
  ];
  const loaded = loadSettings(flags, {
    readFile: () => `${CONFIG}${cluster.config}`,
    hostname: () => 'host.example',
  });
  if (loaded.kind !== 'settings') throw new Error('the flags ask for something to print');
  const tracker = new Tracker({ nodeName: 'node-a', report: ({ message }) => fail(message) });
  for (const object of cluster.nodes ?? []) tracker.upsert('Node', object);
  for (const object of cluster.serviceCIDRs ?? []) tracker.upsert('ServiceCIDR', object);
  for (const object of cluster.services) tracker.upsert('Service', object);
  for (const object of cluster.slices ?? []) tracker.upsert('EndpointSlice', object);
  const section = dryRun(tracker, loaded.settings, fail).find((candidate) => candidate.file === file);
  if (!section) throw new Error(`the dry run has no ${file}`);
  return section.text.split('\n').map((line) => line.trim());
}

function fail(message: string): never {
  throw new Error(message);
}
