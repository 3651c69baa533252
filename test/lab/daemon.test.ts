import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FAMILIES } from '../../rules/model.ts';
import { HEALTH_PORT, METRICS_PORT } from './doorway.ts';
import { ruleDifferences, sections } from './dry-run-comparison.ts';
import { FairleadProcess, labConfiguration } from './fairlead-process.ts';
import { LiveNode } from './live-node.ts';
import { describeLab } from './suite.ts';
import { NODE_NAME } from './topology.ts';
import { trafficCluster } from './traffic-services.ts';

/** Without these, dashboards and alerts that were made for kube-proxy go blind. */
const METRICS = [
  'kubeproxy_sync_proxy_rules_duration_seconds_bucket',
  'kubeproxy_sync_full_proxy_rules_duration_seconds_count',
  'kubeproxy_sync_partial_proxy_rules_duration_seconds_count',
  'kubeproxy_sync_proxy_rules_last_timestamp_seconds',
  'kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds',
  'kubeproxy_network_programming_duration_seconds_bucket',
  'kubeproxy_sync_proxy_rules_endpoint_changes_total',
  'kubeproxy_sync_proxy_rules_endpoint_changes_pending',
  'kubeproxy_sync_proxy_rules_service_changes_total',
  'kubeproxy_sync_proxy_rules_service_changes_pending',
  'kubeproxy_sync_proxy_rules_iptables_total',
  'kubeproxy_sync_proxy_rules_iptables_last',
  'kubeproxy_sync_proxy_rules_iptables_restore_failures_total',
  'kubeproxy_sync_proxy_rules_no_local_endpoints_total',
  'kubeproxy_conntrack_reconciler_sync_duration_seconds_count',
  'kubeproxy_proxy_healthz_total',
  'rest_client_requests_total',
  'rest_client_request_duration_seconds_bucket',
  'process_cpu_seconds_total',
  'process_resident_memory_bytes',
  'go_goroutines',
  'kubernetes_build_info',
  'fairlead_ledger_objects',
  'fairlead_plan_lines',
  'fairlead_api_data_age_seconds',
];

await describeLab('the running daemon', () => {
  let node: LiveNode;
  let fairlead: FairleadProcess;

  beforeAll(async () => {
    node = await LiveNode.create({ objects: trafficCluster() });
    fairlead = await node.start();
    await fairlead.synced();
  }, 60_000);

  afterAll(() => node?.[Symbol.asyncDispose]());

  const get = (path: string, port = METRICS_PORT) => node.door.get(port, path);

  it('has programmed what a dry run prints, and shows it', async () => {
    expect(await node.differences()).toEqual([]);
    const { status, text } = await get('/debug/rules');
    expect(status).toBe(200);
    const shown = sections(text);
    for (const family of FAMILIES)
      expect(ruleDifferences(shown[family], await node.rules(family))).toEqual([]);
  });

  it('tells its health', async () => {
    const { status, text } = await get('/healthz', HEALTH_PORT);
    expect(status).toBe(200);
    expect(JSON.parse(text)).toEqual({
      lastUpdated: expect.stringMatching(/^\d{4}-/),
      currentTime: expect.stringMatching(/^\d{4}-/),
      nodeEligible: true,
      healthy: true,
      status: {
        IPv4: { lastUpdated: expect.stringMatching(/^\d{4}-/), healthy: true },
        IPv6: { lastUpdated: expect.stringMatching(/^\d{4}-/), healthy: true },
      },
    });
    expect(JSON.parse((await get('/livez', HEALTH_PORT)).text)).not.toHaveProperty('nodeEligible');
    const taint = { key: 'ToBeDeletedByClusterAutoscaler', effect: 'NoSchedule' };
    node.api.patch('Node', '', NODE_NAME, { spec: { taints: [taint] } });
    await expect.poll(async () => (await get('/healthz', HEALTH_PORT)).status, { timeout: 10_000 }).toBe(503);
    expect((await get('/livez', HEALTH_PORT)).status).toBe(200);
    node.api.patch('Node', '', NODE_NAME, { spec: { taints: null } });
    await expect.poll(async () => (await get('/healthz', HEALTH_PORT)).status, { timeout: 10_000 }).toBe(200);
  });

  it("has kube-proxy's metrics and its own", async () => {
    const { text } = await get('/metrics');
    const names = new Set(text.split('\n').map((line) => line.split(/[{ ]/, 1)[0]));
    expect(METRICS.filter((name) => !names.has(name))).toEqual([]);
    expect(await node.door.metric('fairlead_quarantined_service_ports', { ip_family: 'IPv4' })).toBe(0);
    expect(await node.door.metric('kubeproxy_sync_proxy_rules_service_changes_pending')).toBe(0);
  });

  it('answers what people ask', async () => {
    expect((await get('/proxyMode')).text).toBe('iptables');
    expect((await get('/healthz')).text).toBe('ok');
    const config = JSON.parse((await get('/configz')).text);
    expect(config['kubeproxy.config.k8s.io']).toMatchObject({ hostnameOverride: NODE_NAME });
    for (const path of ['/statusz', '/flagz', '/metrics/slis']) expect((await get(path)).status).toBe(200);
    expect((await get('/debug/pprof/heap')).status, 'profiles only where asked for').toBe(404);
    expect((await get('/nothing')).status).toBe(404);
  });

  it('does its privileged set-up alone with --init-only', async () => {
    await node.namespace.sysctl({ 'net.ipv4.conf.all.route_localnet': 0 });
    const before = await node.rules('ipv4');
    const config = await node.file('init.yaml', labConfiguration());
    await using init = new FairleadProcess(node.namespace, ['--config', config, '--init-only']);
    expect(await init.ended(), init.output.join('\n')).toBeLessThan(2);
    expect((await node.namespace.run(['sysctl', '-n', 'net.ipv4.conf.all.route_localnet'])).trim()).toBe('1');
    expect(await node.rules('ipv4')).toBe(before);
  });

  it('writes a configuration that is read as the same', async () => {
    const given = await node.file(
      'given.yaml',
      `${labConfiguration()}nodePortAddresses: ["primary"]\niptables:\n  syncPeriod: 1m30s\n`,
    );
    const [first, second] = ['first.yaml', 'second.yaml'].map((name) => join(node.folder, name));
    for (const [from = '', to = ''] of [
      [given, first],
      [first, second],
    ]) {
      await using written = new FairleadProcess(node.namespace, ['--config', from, '--write-config-to', to]);
      expect(await written.ended(), written.output.join('\n')).toBe(0);
    }
    const text = await readFile(first ?? '', 'utf8');
    expect(text).toContain('syncPeriod: 1m30s');
    expect(text).toContain('- primary');
    expect(await readFile(second ?? '', 'utf8')).toBe(text);
  });
});
