import type { Family } from '../../rules/model.ts';
import { SYNC_BUCKETS } from './buckets.ts';
import type { MetricFactory } from './factory.ts';
import { type FamilyLabels, type FamilyMetricFactory, labelsOf } from './family-metrics.ts';
import type { RuleCounts, SyncFailureSample, SyncSample } from './sync-sample.ts';

/** What kube-proxy tells of syncs in one mode, besides what it tells in all. */
export interface ModeMetrics {
  synced(sample: SyncSample): void;
  failed(sample: SyncFailureSample): void;
  /** Chains that are no longer used could not be removed (nftables mode). */
  cleanupFailed?(family: Family): void;
}

export interface IptablesSources {
  /**
   * Packets that nfacct objects have counted, by name, read at each scrape. What is missing is not published, and
   * nothing is where it rejects.
   */
  readonly nfacct?: (() => Promise<ReadonlyMap<string, number>>) | undefined;
  /** Rules in the ledger, read at each scrape; undefined before there is one. */
  readonly rulesInLedger?: ((family: Family) => RuleCounts | undefined) | undefined;
}

export function iptablesMetrics(
  factory: MetricFactory,
  perFamily: FamilyMetricFactory,
  families: readonly Family[],
  { nfacct, rulesInLedger }: IptablesSources,
): ModeMetrics {
  const scopes = scopeMetrics(perFamily);
  const failures = restoreFailures(perFamily);
  const partialFailures = perFamily.counter(
    'kubeproxy_sync_proxy_rules_iptables_partial_restore_failures_total',
    'Syncs of what had changed that failed, so that everything is compared with the kernel next.',
  );
  const written = factory.gauge(
    'kubeproxy_sync_proxy_rules_iptables_last',
    'Rules written by the last sync.',
    ['ip_family', 'table'],
  );
  factory.gaugesFrom(
    'kubeproxy_sync_proxy_rules_iptables_total',
    'Rules that this proxy has in the kernel.',
    ['ip_family', 'table'],
    () => families.flatMap((family) => tableValues(family, rulesInLedger?.(family))),
  );
  const packets = async (name: string) => (await nfacct?.())?.get(name);
  factory.counterFrom(
    'kubeproxy_iptables_ct_state_invalid_dropped_packets_total',
    'Packets dropped because conntrack calls them INVALID.',
    () => packets('ct_state_invalid_dropped_pkts'),
  );
  factory.counterFrom(
    'kubeproxy_iptables_localhost_nodeports_accepted_packets_total',
    'Packets to node ports on 127.0.0.1.',
    () => packets('localhost_nps_accepted_pkts'),
  );
  return {
    synced: (sample) => {
      scopes.synced(sample);
      for (const [labels, value] of tableValues(sample.family, sample.rules)) written.set(labels, value);
    },
    failed: (sample) => {
      scopes.failed(sample);
      failures.inc(labelsOf(sample.family));
      if (!sample.full) partialFailures.inc(labelsOf(sample.family));
    },
  };
}

export function ipvsMetrics(perFamily: FamilyMetricFactory): ModeMetrics {
  const failures = restoreFailures(perFamily);
  return { synced: () => {}, failed: ({ family }) => failures.inc(labelsOf(family)) };
}

export function nftablesMetrics(perFamily: FamilyMetricFactory): ModeMetrics {
  const scopes = scopeMetrics(perFamily);
  const failures = perFamily.counter(
    'kubeproxy_sync_proxy_rules_nftables_sync_failures_total',
    'Syncs that failed.',
  );
  const cleanupFailures = perFamily.counter(
    'kubeproxy_sync_proxy_rules_nftables_cleanup_failures_total',
    'Removals of chains no longer used that failed.',
  );
  return {
    synced: scopes.synced,
    failed: (sample) => {
      scopes.failed(sample);
      failures.inc(labelsOf(sample.family));
    },
    cleanupFailed: (family) => cleanupFailures.inc(labelsOf(family)),
  };
}

/** Durations, told apart by whether a sync looked at everything. */
function scopeMetrics(perFamily: FamilyMetricFactory): Pick<ModeMetrics, 'synced' | 'failed'> {
  const full = perFamily.histogram(
    'kubeproxy_sync_full_proxy_rules_duration_seconds',
    'How long syncs take that compare everything with the kernel.',
    SYNC_BUCKETS,
  );
  const partial = perFamily.histogram(
    'kubeproxy_sync_partial_proxy_rules_duration_seconds',
    'How long syncs take that look only at what has changed.',
    SYNC_BUCKETS,
  );
  const observe = (sample: SyncSample | SyncFailureSample): void => {
    (sample.full ? full : partial).observe(labelsOf(sample.family), sample.duration / 1000);
  };
  return { synced: observe, failed: observe };
}

function restoreFailures(perFamily: FamilyMetricFactory) {
  return perFamily.counter(
    'kubeproxy_sync_proxy_rules_iptables_restore_failures_total',
    'Syncs that failed in iptables-restore.',
  );
}

function tableValues(
  family: Family,
  counts: RuleCounts | undefined,
): (readonly [FamilyLabels & { table: string }, number])[] {
  if (counts === undefined) return [];
  return (['filter', 'nat'] as const).map((table) => [{ ...labelsOf(family), table }, counts[table]]);
}
