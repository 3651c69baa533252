import type { Family } from '../../rules/model.ts';
import type { Clock } from '../cluster/clock.ts';
import type { Mode } from '../config/settings.ts';
import type { HealthEndpoint } from '../health/health-server.ts';
import { NETWORK_PROGRAMMING_BUCKETS, SYNC_BUCKETS } from './buckets.ts';
import type { Counter, MetricFactory } from './factory.ts';
import { FamilyMetricFactory, labelsOf } from './family-metrics.ts';
import {
  type IptablesSources,
  iptablesMetrics,
  ipvsMetrics,
  type ModeMetrics,
  nftablesMetrics,
} from './mode-metrics.ts';
import type { ChangeKind } from './pending-changes.ts';
import type { SyncFailureSample, SyncSample } from './sync-sample.ts';

export interface KubeProxyMetricsOptions extends IptablesSources {
  readonly factory: MetricFactory;
  readonly mode: Mode;
  /** Those that may be programmed. */
  readonly families: readonly Family[];
  readonly clock: Clock;
  /** Changes that wait for a sync, read at each scrape. */
  readonly pending: (kind: ChangeKind) => number;
}

/** The metrics of kube-proxy 1.36, by its names, types, labels and buckets; those of the mode in use. */
export class KubeProxyMetrics {
  readonly #clock: Clock;
  readonly #mode: ModeMetrics;
  readonly #syncs;
  readonly #lastSync;
  readonly #lastQueued;
  readonly #networkProgramming;
  readonly #changes: Readonly<Record<ChangeKind, Counter>>;
  readonly #noLocalEndpoints;
  readonly #served: Readonly<Record<HealthEndpoint, Counter<'code'>>>;
  readonly #conntrackSyncs;
  readonly #conntrackDeleted;

  constructor(options: KubeProxyMetricsOptions) {
    const { factory, families, clock, pending } = options;
    const perFamily = new FamilyMetricFactory(factory, families);
    this.#clock = clock;
    this.#syncs = perFamily.histogram(
      'kubeproxy_sync_proxy_rules_duration_seconds',
      'How long syncs take, failed ones too.',
      SYNC_BUCKETS,
    );
    this.#lastSync = perFamily.gauge(
      'kubeproxy_sync_proxy_rules_last_timestamp_seconds',
      'When a sync last succeeded.',
    );
    this.#lastQueued = perFamily.gauge(
      'kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds',
      'When a sync was last asked for.',
    );
    this.#networkProgramming = perFamily.histogram(
      'kubeproxy_network_programming_duration_seconds',
      'What passes between a change of endpoints in the cluster and its rules on this node.',
      NETWORK_PROGRAMMING_BUCKETS,
    );
    this.#changes = {
      Service: factory.counter('kubeproxy_sync_proxy_rules_service_changes_total', 'Changes of Services.'),
      EndpointSlice: factory.counter(
        'kubeproxy_sync_proxy_rules_endpoint_changes_total',
        'Changes of EndpointSlices.',
      ),
    };
    factory.gaugeFrom(
      'kubeproxy_sync_proxy_rules_service_changes_pending',
      'Changes of Services that wait for a sync.',
      () => pending('Service'),
    );
    factory.gaugeFrom(
      'kubeproxy_sync_proxy_rules_endpoint_changes_pending',
      'Changes of EndpointSlices that wait for a sync.',
      () => pending('EndpointSlice'),
    );
    this.#noLocalEndpoints = factory.gauge(
      'kubeproxy_sync_proxy_rules_no_local_endpoints_total',
      'ServicePorts with a Local traffic policy that have endpoints, but none on this node.',
      ['ip_family', 'traffic_policy'],
    );
    this.#served = {
      healthz: answers(factory, 'kubeproxy_proxy_healthz_total', 'Answers of /healthz by HTTP status.'),
      livez: answers(factory, 'kubeproxy_proxy_livez_total', 'Answers of /livez by HTTP status.'),
    };
    this.#conntrackSyncs = perFamily.histogram(
      'kubeproxy_conntrack_reconciler_sync_duration_seconds',
      'How long it takes to find and delete stale conntrack entries.',
      SYNC_BUCKETS,
    );
    this.#conntrackDeleted = perFamily.counter(
      'kubeproxy_conntrack_reconciler_deleted_entries_total',
      'Stale conntrack entries deleted.',
    );
    this.#mode = modeMetrics(options, perFamily);
  }

  requested(family: Family): void {
    this.#lastQueued.set(labelsOf(family), this.#seconds());
  }

  synced(sample: SyncSample): void {
    const { family, duration, noLocalEndpoints } = sample;
    this.#syncs.observe(labelsOf(family), duration / 1000);
    this.#lastSync.set(labelsOf(family), this.#seconds());
    for (const [policy, value] of Object.entries(noLocalEndpoints ?? {})) {
      this.#noLocalEndpoints.set({ ...labelsOf(family), traffic_policy: policy }, value);
    }
    this.#mode.synced(sample);
  }

  failed(sample: SyncFailureSample): void {
    this.#syncs.observe(labelsOf(sample.family), sample.duration / 1000);
    this.#mode.failed(sample);
  }

  nftablesCleanupFailed(family: Family): void {
    this.#mode.cleanupFailed?.(family);
  }

  /** @param duration ms. @param deleted conntrack entries */
  conntrackReconciled(family: Family, duration: number, deleted: number): void {
    this.#conntrackSyncs.observe(labelsOf(family), duration / 1000);
    this.#conntrackDeleted.inc(labelsOf(family), deleted);
  }

  /** @param latency ms from the change in the cluster to the rules */
  networkProgrammed(family: Family, latency: number): void {
    this.#networkProgramming.observe(labelsOf(family), latency / 1000);
  }

  changed(kind: ChangeKind): void {
    this.#changes[kind].inc();
  }

  served(endpoint: HealthEndpoint, status: number): void {
    this.#served[endpoint].inc({ code: String(status) });
  }

  #seconds(): number {
    return this.#clock.now() / 1000;
  }
}

function modeMetrics(options: KubeProxyMetricsOptions, perFamily: FamilyMetricFactory): ModeMetrics {
  if (options.mode === 'ipvs') return ipvsMetrics(perFamily);
  if (options.mode === 'nftables') return nftablesMetrics(perFamily);
  return iptablesMetrics(options.factory, perFamily, options.families, options);
}

function answers(factory: MetricFactory, name: string, help: string): Counter<'code'> {
  const counter = factory.counter(name, help, ['code']);
  for (const code of ['200', '503']) counter.inc({ code }, 0);
  return counter;
}
