import { arch, platform } from 'node:process';
import type { FeatureGates } from '../config/settings.ts';
import type { Gauge, MetricFactory } from './factory.ts';

/** The kube-proxy whose behaviour this has. */
const KUBE_PROXY_VERSION = 'v1.36.2';

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64' };

const LABELS = [
  'major',
  'minor',
  'git_version',
  'git_commit',
  'git_tree_state',
  'build_date',
  'go_version',
  'compiler',
  'platform',
] as const;

/**
 * kubernetes_build_info. Alerts compare git_version over all components of a cluster, and want it to be one: what
 * counts is the kube-proxy that this stands in for, the cluster's own once that is known.
 */
export class BuildInfo {
  readonly #gauge: Gauge<(typeof LABELS)[number]>;
  readonly #version: string;

  /** @param version of this program */
  constructor(factory: MetricFactory, version: string) {
    this.#version = version;
    this.#gauge = factory.gauge(
      'kubernetes_build_info',
      'Always 1: the kube-proxy that this stands in for.',
      LABELS,
    );
    this.standIn(KUBE_PROXY_VERSION);
  }

  /** @param gitVersion as the API server's `/version` has it: `v1.36.2` */
  standIn(gitVersion: string): void {
    const [, major = '', minor = ''] = /^v(\d+)\.(\d+)/.exec(gitVersion) ?? [];
    this.#gauge.reset();
    this.#gauge.set(
      {
        major,
        minor,
        git_version: `${gitVersion.replace(/\+.*/, '')}+fairlead-${this.#version}`,
        git_commit: '',
        git_tree_state: '',
        build_date: '',
        go_version: '',
        compiler: `node-${process.version}`,
        platform: `${platform}/${ARCHITECTURES[arch] ?? arch}`,
      },
      1,
    );
  }
}

/** kubernetes_feature_enabled, for the gates that were given. */
export function addFeatureGates(factory: MetricFactory, features: FeatureGates): void {
  const help = 'Feature gates as they were given.';
  const enabled = factory.gauge('kubernetes_feature_enabled', help, ['name', 'stage']);
  for (const [name, on] of Object.entries(features)) enabled.set({ name, stage: '' }, on ? 1 : 0);
}
