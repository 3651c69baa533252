import { describe, expect, it } from 'vitest';
import { FAMILIES } from '../../../rules/model.ts';
import { Metrics, type MetricsOptions } from '../../../src/metrics/metrics.ts';
import type { SyncFailureSample, SyncSample } from '../../../src/metrics/sync-sample.ts';
import { ManualClock } from '../cluster/manual-clock.ts';
import { RecordingSink } from '../cluster/recorders.ts';
import { type Exposition, parseExposition } from './exposition.ts';

const SYNC: SyncSample = {
  family: 'ipv4',
  duration: 3,
  full: false,
  lines: 7,
  objects: 100,
  adopted: undefined,
};
const FAILURE: SyncFailureSample = { family: 'ipv4', duration: 2_000, full: false, code: 'transient' };

function setUp(options: Partial<MetricsOptions> = {}) {
  const clock = new ManualClock();
  const metrics = new Metrics({ mode: 'iptables', families: FAMILIES, clock, version: '1.2.3', ...options });
  const read = async (): Promise<Exposition> => parseExposition(await metrics.text());
  const value = async (series: string) => (await read()).values.get(series);
  return { clock, metrics, read, value };
}

/** Name, type and labels, as the metrics reference of Kubernetes has them. */
const COMMON = [
  ['kubeproxy_sync_proxy_rules_duration_seconds', 'histogram', 'ip_family'],
  ['kubeproxy_sync_proxy_rules_last_timestamp_seconds', 'gauge', 'ip_family'],
  ['kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds', 'gauge', 'ip_family'],
  ['kubeproxy_network_programming_duration_seconds', 'histogram', 'ip_family'],
  ['kubeproxy_sync_proxy_rules_endpoint_changes_pending', 'gauge', ''],
  ['kubeproxy_sync_proxy_rules_endpoint_changes_total', 'counter', ''],
  ['kubeproxy_sync_proxy_rules_service_changes_pending', 'gauge', ''],
  ['kubeproxy_sync_proxy_rules_service_changes_total', 'counter', ''],
  ['kubeproxy_sync_proxy_rules_no_local_endpoints_total', 'gauge', 'ip_family traffic_policy'],
  ['kubeproxy_proxy_healthz_total', 'counter', 'code'],
  ['kubeproxy_proxy_livez_total', 'counter', 'code'],
  ['kubeproxy_conntrack_reconciler_sync_duration_seconds', 'histogram', 'ip_family'],
  ['kubeproxy_conntrack_reconciler_deleted_entries_total', 'counter', 'ip_family'],
  [
    'kubernetes_build_info',
    'gauge',
    'build_date compiler git_commit git_tree_state git_version go_version major minor platform',
  ],
  ['kubernetes_feature_enabled', 'gauge', 'name stage'],
  ['rest_client_requests_total', 'counter', 'code host method'],
  ['rest_client_request_duration_seconds', 'histogram', 'host verb'],
  ['process_cpu_seconds_total', 'counter', ''],
  ['process_resident_memory_bytes', 'gauge', ''],
  ['process_virtual_memory_bytes', 'gauge', ''],
  ['process_virtual_memory_max_bytes', 'gauge', ''],
  ['process_start_time_seconds', 'gauge', ''],
  ['process_open_fds', 'gauge', ''],
  ['process_max_fds', 'gauge', ''],
  ['process_network_receive_bytes_total', 'counter', ''],
  ['process_network_transmit_bytes_total', 'counter', ''],
  ['go_goroutines', 'gauge', ''],
] as const;
const SCOPES = [
  ['kubeproxy_sync_full_proxy_rules_duration_seconds', 'histogram', 'ip_family'],
  ['kubeproxy_sync_partial_proxy_rules_duration_seconds', 'histogram', 'ip_family'],
] as const;
const RESTORE = [
  ['kubeproxy_sync_proxy_rules_iptables_restore_failures_total', 'counter', 'ip_family'],
] as const;
const PER_MODE = {
  iptables: [
    ...SCOPES,
    ...RESTORE,
    ['kubeproxy_sync_proxy_rules_iptables_partial_restore_failures_total', 'counter', 'ip_family'],
    ['kubeproxy_sync_proxy_rules_iptables_total', 'gauge', 'ip_family table'],
    ['kubeproxy_sync_proxy_rules_iptables_last', 'gauge', 'ip_family table'],
    ['kubeproxy_iptables_ct_state_invalid_dropped_packets_total', 'counter', ''],
    ['kubeproxy_iptables_localhost_nodeports_accepted_packets_total', 'counter', ''],
  ],
  ipvs: RESTORE,
  nftables: [
    ...SCOPES,
    ['kubeproxy_sync_proxy_rules_nftables_sync_failures_total', 'counter', 'ip_family'],
    ['kubeproxy_sync_proxy_rules_nftables_cleanup_failures_total', 'counter', 'ip_family'],
  ],
} as const;

describe.each(['iptables', 'ipvs', 'nftables'] as const)('metrics in %s mode', (mode) => {
  it('have the names, types and labels of kube-proxy 1.36, and no others that begin like them', async () => {
    const { metrics, read } = setUp({
      mode,
      features: { WatchListClient: true },
      nfacct: async () =>
        new Map([
          ['ct_state_invalid_dropped_pkts', 1],
          ['localhost_nps_accepted_pkts', 2],
        ]),
      rulesInLedger: () => ({ filter: 1, nat: 2 }),
    });
    metrics.requested('ipv4');
    metrics.synced({ ...SYNC, rules: { filter: 1, nat: 2 }, noLocalEndpoints: { internal: 1, external: 0 } });
    metrics.requestDone({ verb: 'GET', code: '200', host: '10.0.0.1:6443', ms: 5 });
    const { types, values, labels } = await read();
    const expected = [...COMMON, ...PER_MODE[mode]].map(
      ([name, type, names]) => `${name} ${type} [${names}]`,
    );
    const found = [...types]
      .filter(([name]) => !/^(fairlead|nodejs)_/.test(name))
      .map(([name, type]) => `${name} ${type} [${labels(name).join(' ')}]`);
    expect(found.sort()).toEqual(expected.sort());
    for (const [name] of types) {
      if (/^(fairlead|nodejs)_/.test(name)) continue;
      expect(
        [...values.keys()].some((series) => series.startsWith(name)),
        `${name} has samples`,
      ).toBe(true);
    }
  });

  it('are there for both families before the first sync, so that rates and dashboards see the beginning', async () => {
    const { values } = await setUp({ mode }).read();
    for (const family of ['IPv4', 'IPv6']) {
      for (const name of ['sync_proxy_rules_duration', 'network_programming_duration']) {
        expect(values.get(`kubeproxy_${name}_seconds_count{ip_family="${family}"}`)).toBe(0);
      }
    }
  });
});

describe('the buckets', () => {
  async function bounds(metric: string): Promise<string> {
    const { metrics, read } = setUp();
    metrics.requestDone({ verb: 'GET', code: '200', host: 'h', ms: 5 });
    const series = [...(await read()).values.keys()].filter((name) => name.startsWith(`${metric}_bucket`));
    const found = series.map((name) => /le="([^"]+)"/.exec(name)?.[1]);
    return [...new Set(found)].join(' ');
  }

  it('of syncs are powers of two from a millisecond', async () => {
    const expected =
      '0.001 0.002 0.004 0.008 0.016 0.032 0.064 0.128 0.256 0.512 1.024 2.048 4.096 8.192 16.384 +Inf';
    for (const name of ['sync_proxy_rules', 'sync_full_proxy_rules', 'sync_partial_proxy_rules']) {
      expect(await bounds(`kubeproxy_${name}_duration_seconds`)).toBe(expected);
    }
    expect(await bounds('kubeproxy_conntrack_reconciler_sync_duration_seconds')).toBe(expected);
  });

  it('of network programming reach from 0 to 5 minutes', async () => {
    const found = (await bounds('kubeproxy_network_programming_duration_seconds')).split(' ');
    expect(found).toHaveLength(82);
    expect(found.slice(0, 6)).toEqual(['0', '0.25', '0.5', '1', '2', '3']);
    expect(found.slice(60, 64)).toEqual(['58', '59', '60', '65']);
    expect(found.slice(-9)).toEqual(['115', '120', '150', '180', '210', '240', '270', '300', '+Inf']);
  });

  it('of requests are those of client-go', async () => {
    expect(await bounds('rest_client_request_duration_seconds')).toBe(
      '0.005 0.025 0.1 0.25 0.5 1 2 4 8 15 30 60 +Inf',
    );
  });
});

describe('syncs', () => {
  it('are timed, stamped and counted, each family for itself', async () => {
    const { clock, metrics, read } = setUp({
      rulesInLedger: (family) => (family === 'ipv4' ? { filter: 4, nat: 9 } : undefined),
    });
    metrics.requested('ipv4');
    clock.advance(1_000);
    metrics.synced({ ...SYNC, full: true, adopted: 90, rules: { filter: 1, nat: 6 } });
    metrics.synced({ ...SYNC, lines: 2 });
    const { values } = await read();
    const now = clock.now() / 1000;
    expect(values.get('kubeproxy_sync_proxy_rules_duration_seconds_count{ip_family="IPv4"}')).toBe(2);
    expect(values.get('kubeproxy_sync_proxy_rules_duration_seconds_sum{ip_family="IPv4"}')).toBeCloseTo(
      0.006,
    );
    expect(values.get('kubeproxy_sync_proxy_rules_duration_seconds_count{ip_family="IPv6"}')).toBe(0);
    expect(values.get('kubeproxy_sync_full_proxy_rules_duration_seconds_count{ip_family="IPv4"}')).toBe(1);
    expect(values.get('kubeproxy_sync_partial_proxy_rules_duration_seconds_count{ip_family="IPv4"}')).toBe(1);
    expect(values.get('kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds{ip_family="IPv4"}')).toBe(
      now - 1,
    );
    expect(values.get('kubeproxy_sync_proxy_rules_last_timestamp_seconds{ip_family="IPv4"}')).toBe(now);
    expect(values.get('kubeproxy_sync_proxy_rules_last_timestamp_seconds{ip_family="IPv6"}')).toBeUndefined();
    expect(values.get('kubeproxy_sync_proxy_rules_iptables_last{ip_family="IPv4",table="nat"}')).toBe(6);
    expect(values.get('kubeproxy_sync_proxy_rules_iptables_total{ip_family="IPv4",table="nat"}')).toBe(9);
    expect(
      values.get('kubeproxy_sync_proxy_rules_iptables_total{ip_family="IPv6",table="nat"}'),
    ).toBeUndefined();
    expect(values.get('fairlead_ledger_objects{ip_family="IPv4"}')).toBe(100);
    expect(values.get('fairlead_plan_lines{ip_family="IPv4"}')).toBe(2);
    expect(values.get('fairlead_applied_lines_total{ip_family="IPv4"}')).toBe(9);
    expect(values.get('fairlead_adopted_objects{ip_family="IPv4"}')).toBe(90);
  });

  it('that fail are timed too, and counted by kind', async () => {
    const { metrics, read } = setUp();
    metrics.failed(FAILURE);
    metrics.failed({ ...FAILURE, full: true, code: 'environment' });
    const { values } = await read();
    expect(values.get('kubeproxy_sync_proxy_rules_duration_seconds_count{ip_family="IPv4"}')).toBe(2);
    expect(values.get('kubeproxy_sync_proxy_rules_iptables_restore_failures_total{ip_family="IPv4"}')).toBe(
      2,
    );
    expect(
      values.get('kubeproxy_sync_proxy_rules_iptables_partial_restore_failures_total{ip_family="IPv4"}'),
    ).toBe(1);
    expect(values.get('kubeproxy_sync_proxy_rules_iptables_restore_failures_total{ip_family="IPv6"}')).toBe(
      0,
    );
    expect(values.get('fairlead_sync_failures_total{code="environment",ip_family="IPv4"}')).toBe(1);
    expect(values.get('kubeproxy_sync_proxy_rules_last_timestamp_seconds{ip_family="IPv4"}')).toBeUndefined();
  });

  it('that fail in nftables mode have the counters of that mode', async () => {
    const { metrics, value } = setUp({ mode: 'nftables' });
    metrics.failed({ ...FAILURE, family: 'ipv6' });
    metrics.nftablesCleanupFailed('ipv6');
    expect(await value('kubeproxy_sync_proxy_rules_nftables_sync_failures_total{ip_family="IPv6"}')).toBe(1);
    expect(await value('kubeproxy_sync_proxy_rules_nftables_cleanup_failures_total{ip_family="IPv6"}')).toBe(
      1,
    );
  });

  it('tell of Services that have no endpoint here, repairs, quarantine and strangers', async () => {
    const { metrics, read } = setUp();
    metrics.synced({ ...SYNC, noLocalEndpoints: { internal: 2, external: 1 } });
    metrics.driftRepaired('ipv4', 3);
    metrics.quarantined('ipv4', 2);
    metrics.quarantined('ipv4', 1);
    metrics.contested('ipv6', 4);
    metrics.anotherProxy('ipv4', true);
    metrics.conntrackReconciled('ipv4', 12, 5);
    metrics.eventLost('queue');
    const { values } = await read();
    const name = 'kubeproxy_sync_proxy_rules_no_local_endpoints_total';
    expect(values.get(`${name}{ip_family="IPv4",traffic_policy="internal"}`)).toBe(2);
    expect(values.get(`${name}{ip_family="IPv4",traffic_policy="external"}`)).toBe(1);
    expect(values.get('fairlead_drift_repairs_total{ip_family="IPv4"}')).toBe(3);
    expect(values.get('fairlead_quarantined_service_ports{ip_family="IPv4"}')).toBe(1);
    expect(values.get('fairlead_contested_service_ports{ip_family="IPv6"}')).toBe(4);
    expect(values.get('fairlead_another_proxy_writing{ip_family="IPv4"}')).toBe(1);
    expect(values.get('fairlead_another_proxy_writing{ip_family="IPv6"}')).toBe(0);
    expect(values.get('kubeproxy_conntrack_reconciler_deleted_entries_total{ip_family="IPv4"}')).toBe(5);
    expect(values.get('kubeproxy_conntrack_reconciler_sync_duration_seconds_count{ip_family="IPv4"}')).toBe(
      1,
    );
    expect(values.get('fairlead_events_lost_total{reason="queue"}')).toBe(1);
  });
});

describe('nfacct counters', () => {
  it('are read at each scrape', async () => {
    let packets = 42;
    const { value } = setUp({ nfacct: async () => new Map([['ct_state_invalid_dropped_pkts', packets]]) });
    expect(await value('kubeproxy_iptables_ct_state_invalid_dropped_packets_total')).toBe(42);
    packets = 43;
    expect(await value('kubeproxy_iptables_ct_state_invalid_dropped_packets_total')).toBe(43);
    expect(await value('kubeproxy_iptables_localhost_nodeports_accepted_packets_total')).toBeUndefined();
  });

  it('that cannot be read take nothing else away', async () => {
    const { read } = setUp({ nfacct: () => Promise.reject(new Error('nfacct: not found in PATH')) });
    const { values } = await read();
    expect(values.get('kubeproxy_iptables_ct_state_invalid_dropped_packets_total')).toBeUndefined();
    expect(values.get('process_resident_memory_bytes')).toBeGreaterThan(0);
  });
});

describe('the API server', () => {
  it('is told of by requests, lists and the age of what it said', async () => {
    const { clock, metrics, read } = setUp();
    metrics.requestDone({ verb: 'GET', code: '200', host: '10.0.0.1:6443', ms: 300 });
    metrics.requestDone({ verb: 'GET', code: '<error>', host: '10.0.0.1:6443', ms: 1 });
    metrics.listed('EndpointSlice', 'start');
    metrics.contact('Service', clock.now());
    clock.advance(90_000);
    const { values } = await read();
    const requests = 'rest_client_requests_total';
    expect(values.get(`${requests}{code="200",host="10.0.0.1:6443",method="GET"}`)).toBe(1);
    expect(values.get(`${requests}{code="<error>",host="10.0.0.1:6443",method="GET"}`)).toBe(1);
    const duration = 'rest_client_request_duration_seconds';
    expect(values.get(`${duration}_bucket{host="10.0.0.1:6443",le="0.25",verb="GET"}`)).toBe(1);
    expect(values.get(`${duration}_bucket{host="10.0.0.1:6443",le="0.5",verb="GET"}`)).toBe(2);
    expect(values.get('fairlead_api_lists_total{reason="start",resource="endpointslices"}')).toBe(1);
    expect(values.get('fairlead_api_data_age_seconds{resource="services"}')).toBe(90);
    expect(values.get('fairlead_api_data_age_seconds{resource="nodes"}')).toBeUndefined();
  });

  it('gives the version that build info is compared by, once it is known', async () => {
    const { metrics, read } = setUp();
    const info = async () =>
      [...(await read()).values.keys()].filter((name) => name.startsWith('kubernetes_build_info'));
    expect((await info())[0]).toMatch(/git_version="v1\.36\.2\+fairlead-1\.2\.3".*major="1",minor="36"/);
    metrics.clusterVersion('v1.35.4+rke2r1');
    expect(await info()).toHaveLength(1);
    expect((await info())[0]).toMatch(/git_version="v1\.35\.4\+fairlead-1\.2\.3".*major="1",minor="35"/);
  });
});

describe('changes', () => {
  const service = { metadata: { namespace: 'demo', name: 'web' } };
  const slice = (at: string, changes: { addressType?: string; name?: string } = {}) => ({
    addressType: changes.addressType ?? 'IPv4',
    metadata: {
      namespace: 'demo',
      name: changes.name ?? 'web-1',
      labels: { 'kubernetes.io/service-name': 'web' },
      annotations: { 'endpoints.kubernetes.io/last-change-trigger-time': at },
    },
  });
  const pending = 'kubeproxy_sync_proxy_rules_endpoint_changes_pending';
  const latencies = 'kubeproxy_network_programming_duration_seconds';

  it('are passed on as they are', () => {
    const { metrics } = setUp();
    const inner = new RecordingSink();
    const sink = metrics.measured(inner);
    const object = { metadata: { namespace: 'demo', name: 'web', resourceVersion: '7' } };
    sink.upsert('Service', object);
    sink.delete('Service', 'demo/web');
    sink.synced('Node');
    expect(inner.lines).toEqual(['+Service demo/web', '-Service demo/web', 'synced Node']);
    expect(inner.objects.size).toBe(0);
  });

  it('are pending until every family that they concern has been synced', async () => {
    const { metrics, read } = setUp();
    const sink = metrics.measured(new RecordingSink());
    sink.upsert('Service', service);
    sink.upsert('Service', service);
    sink.upsert('EndpointSlice', slice(''));
    sink.delete('EndpointSlice', 'demo/web-0');
    metrics.synced(SYNC);
    let { values } = await read();
    expect(values.get('kubeproxy_sync_proxy_rules_service_changes_total')).toBe(2);
    expect(values.get('kubeproxy_sync_proxy_rules_service_changes_pending')).toBe(2);
    expect(values.get('kubeproxy_sync_proxy_rules_endpoint_changes_total')).toBe(2);
    metrics.synced({ ...SYNC, family: 'ipv6' });
    ({ values } = await read());
    expect(values.get('kubeproxy_sync_proxy_rules_service_changes_pending')).toBe(0);
    expect(values.get(pending)).toBe(0);
  });

  it('stay pending when they arrive during a sync, and when it fails', async () => {
    const { metrics, value } = setUp({ families: ['ipv4'] });
    const sink = metrics.measured(new RecordingSink());
    sink.upsert('EndpointSlice', slice(''));
    metrics.syncStarted('ipv4');
    sink.upsert('EndpointSlice', slice(''));
    metrics.failed(FAILURE);
    expect(await value(pending)).toBe(2);
    metrics.syncStarted('ipv4');
    sink.upsert('EndpointSlice', slice(''));
    metrics.synced(SYNC);
    expect(await value(pending)).toBe(1);
  });

  it('of endpoints are timed from their trigger to their rules', async () => {
    const { clock, metrics, value } = setUp();
    const sink = metrics.measured(new RecordingSink());
    clock.advance(10_000);
    sink.upsert('EndpointSlice', slice('2026-01-01T00:00:09.123456789Z'));
    clock.advance(2_000);
    metrics.synced(SYNC);
    expect(await value(`${latencies}_count{ip_family="IPv4"}`)).toBe(1);
    expect(await value(`${latencies}_sum{ip_family="IPv4"}`)).toBeCloseTo(2.877);
    expect(await value(`${latencies}_count{ip_family="IPv6"}`)).toBe(0);
    metrics.synced(SYNC);
    expect(await value(`${latencies}_count{ip_family="IPv4"}`)).toBe(1);
  });
});
