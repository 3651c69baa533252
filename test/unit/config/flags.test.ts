import { describe, expect, test } from 'vitest';
import { FLAGS } from '../../../src/config/flags.ts';
import type { Settings } from '../../../src/config/settings.ts';
import { FILE, settled } from './settled.ts';

const HOUR = 3_600_000;

/** Every flag: its place in Settings, what is there without it, a value, and what is there with it. */
const EFFECTS: readonly [flag: string, at: string, standard: unknown, text: string, value: unknown][] = [
  ['config', 'configFile', undefined, FILE, FILE],
  ['dry-run', 'dryRun', false, 'true', true],
  ['from', 'from', [], 'a.yaml', ['a.yaml']],
  ['output-dir', 'outputDir', undefined, 'rules', 'rules'],
  ['ip-family', 'ipFamily', undefined, 'ipv6', 'ipv6'],
  ['init-only', 'initOnly', false, 'true', true],
  ['cleanup', 'cleanup', false, 'true', true],
  ['write-config-to', 'writeConfigTo', undefined, 'out.yaml', 'out.yaml'],
  ['kubeconfig', 'config.clientConnection.kubeconfig', '', 'admin.conf', 'admin.conf'],
  ['kubeconfig', 'kubeconfig', undefined, 'admin.conf', 'admin.conf'],
  ['master', 'master', undefined, 'https://10.0.0.1:6443', 'https://10.0.0.1:6443'],
  [
    'cluster-cidr',
    'config.clusterCIDR',
    [],
    '10.244.0.0/16,fd00:10:244::/56',
    ['10.244.0.0/16', 'fd00:10:244::/56'],
  ],
  ['cluster-cidr', 'config.clusterCIDR', [], '10.244.1.2/16', ['10.244.0.0/16']],
  ['feature-gates', 'config.featureGates', {}, 'AllBeta=true,X=False', { AllBeta: true, X: false }],
  ['hostname-override', 'nodeName', 'host-1', ' Node-A ', 'node-a'],
  ['hostname-override', 'config.hostnameOverride', '', 'node-a', 'node-a'],
  ['bind-address', 'bindAddress', '0.0.0.0', '192.0.2.7', '192.0.2.7'],
  ['bind-address', 'config.bindAddress', '0.0.0.0', 'FD00:0::1', 'fd00::1'],
  ['local-addresses', 'localAddresses', undefined, '192.0.2.1/24,fd00::1', ['192.0.2.1/24', 'fd00::1']],
  ['nodeport-addresses', 'config.nodePortAddresses', [], 'primary', ['primary']],
  ['nodeport-addresses', 'config.nodePortAddresses', [], '10.1.2.3/8, fd00::/8', ['10.0.0.0/8', 'fd00::/8']],
  ['detect-local-mode', 'config.detectLocalMode', 'ClusterCIDR', 'NodeCIDR', 'NodeCIDR'],
  ['pod-bridge-interface', 'config.detectLocal.bridgeInterface', '', 'cni0', 'cni0'],
  ['pod-interface-name-prefix', 'config.detectLocal.interfaceNamePrefix', '', 'veth', 'veth'],
  ['oom-score-adj', 'config.oomScoreAdj', -999, '-1000', -1000],
  ['proxy-mode', 'config.mode', 'iptables', 'nftables', 'nftables'],
  ['proxy-mode', 'mode', 'iptables', '', 'iptables'],
  ['masquerade-all', 'config.iptables.masqueradeAll', false, 'true', true],
  ['masquerade-all', 'config.nftables.masqueradeAll', false, 'true', true],
  ['iptables-backend', 'iptablesBackend', 'auto', 'legacy', 'legacy'],
  ['iptables-masquerade-bit', 'config.iptables.masqueradeBit', 14, '0', 0],
  ['iptables-localhost-nodeports', 'config.iptables.localhostNodePorts', true, 'false', false],
  ['iptables-sync-period', 'config.iptables.syncPeriod', 30_000, '1m30s', 90_000],
  ['iptables-sync-period', 'config.nftables.syncPeriod', 30_000, '1m30s', 90_000],
  ['iptables-min-sync-period', 'config.iptables.minSyncPeriod', 1_000, '0s', 0],
  ['iptables-min-sync-period', 'config.nftables.minSyncPeriod', 1_000, '0', 0],
  ['ipvs-scheduler', 'config.ipvs.scheduler', 'rr', 'mh', 'mh'],
  ['ipvs-exclude-cidrs', 'config.ipvs.excludeCIDRs', [], '192.0.2.0/24', ['192.0.2.0/24']],
  ['ipvs-strict-arp', 'config.ipvs.strictARP', false, 'true', true],
  ['ipvs-sync-period', 'config.ipvs.syncPeriod', 30_000, '5s', 5_000],
  ['ipvs-min-sync-period', 'config.ipvs.minSyncPeriod', 1_000, '2s', 2_000],
  ['ipvs-tcp-timeout', 'config.ipvs.tcpTimeout', 0, '15m', 900_000],
  ['ipvs-tcpfin-timeout', 'config.ipvs.tcpFinTimeout', 0, '2m', 120_000],
  ['ipvs-udp-timeout', 'config.ipvs.udpTimeout', 0, '5m', 300_000],
  ['nft-path', 'nftPath', undefined, '/opt/nft', '/opt/nft'],
  ['conntrack-max-per-core', 'config.conntrack.maxPerCore', 32_768, '0', 0],
  ['conntrack-min', 'config.conntrack.min', 131_072, '1000', 1_000],
  ['conntrack-tcp-timeout-established', 'config.conntrack.tcpEstablishedTimeout', 24 * HOUR, '0', 0],
  ['conntrack-tcp-timeout-close-wait', 'config.conntrack.tcpCloseWaitTimeout', HOUR, '60s', 60_000],
  ['conntrack-udp-timeout', 'config.conntrack.udpTimeout', 0, '30s', 30_000],
  ['conntrack-udp-timeout-stream', 'config.conntrack.udpStreamTimeout', 0, '300s', 300_000],
  ['conntrack-tcp-be-liberal', 'config.conntrack.tcpBeLiberal', false, 'true', true],
  ['healthz-bind-address', 'config.healthzBindAddress', '0.0.0.0:10256', '127.0.0.1:99', '127.0.0.1:99'],
  ['healthz-bind-address', 'config.healthzBindAddress', '0.0.0.0:10256', 'fd00::1', '[fd00::1]:10256'],
  ['healthz-bind-address', 'config.healthzBindAddress', '0.0.0.0:10256', '', ''],
  ['metrics-bind-address', 'config.metricsBindAddress', '127.0.0.1:10249', '0.0.0.0', '0.0.0.0:10249'],
  ['metrics-bind-address', 'config.metricsBindAddress', '127.0.0.1:10249', '[::]:99', '[::]:99'],
  ['metrics-bind-address', 'config.metricsBindAddress', '127.0.0.1:10249', '', ''],
  ['ui', 'ui', false, 'true', true],
  ['bind-address-hard-fail', 'config.bindAddressHardFail', false, 'true', true],
  ['profiling', 'config.enableProfiling', false, 'true', true],
  ['show-hidden-metrics-for-version', 'config.showHiddenMetricsForVersion', '', '1.35', '1.35'],
  ['healthz-port', 'config.healthzBindAddress', '0.0.0.0:10256', '99', '0.0.0.0:99'],
  ['healthz-port', 'config.healthzBindAddress', '0.0.0.0:10256', '0', ''],
  ['metrics-port', 'config.metricsBindAddress', '127.0.0.1:10249', '99', '127.0.0.1:99'],
  ['metrics-port', 'config.metricsBindAddress', '127.0.0.1:10249', '0', ''],
  ['v', 'verbosity', 0, '4', 4],
  ['v', 'config.logging.verbosity', 0, '4', 4],
  ['logging-format', 'loggingFormat', 'json', 'text', 'text'],
  ['logging-format', 'config.logging.format', 'json', 'text', 'text'],
  [
    'kube-api-content-type',
    'config.clientConnection.contentType',
    'application/vnd.kubernetes.protobuf',
    'application/json',
    'application/json',
  ],
  ['kube-api-qps', 'config.clientConnection.qps', 5, '7.5', 7.5],
  ['kube-api-burst', 'config.clientConnection.burst', 10, '20', 20],
  ['config-sync-period', 'config.configSyncPeriod', 900_000, '1h', HOUR],
  ['log-flush-frequency', 'config.logging.flushFrequency', 5_000, '1s', 1_000],
  ['vmodule', 'config.logging.vmodule', [], 'proxier=4', [{ filePattern: 'proxier', verbosity: 4 }]],
  ['log-text-split-stream', 'config.logging.options.text.splitStream', false, 'true', true],
  ['log-text-info-buffer-size', 'config.logging.options.text.infoBufferSize', 0, '2Ki', 2_048],
  ['log-json-split-stream', 'config.logging.options.json.splitStream', false, 'true', true],
  ['log-json-info-buffer-size', 'config.logging.options.json.infoBufferSize', 0, '1M', 1_000_000],
];

describe('every flag has its default and its effect', () => {
  test.each(EFFECTS)('--%s: %s is %j, with %j it is %j', (flag, at, standard, text, value) => {
    expect(valueAt(settled([]).settings, at)).toEqual(standard);
    const beside = flag === 'output-dir' ? ['--dry-run'] : [];
    const yaml = flag === 'config' ? '' : undefined;
    expect(valueAt(settled([...beside, `--${flag}=${text}`], yaml).settings, at)).toEqual(value);
  });

  test('none is left out', () => {
    const idle = FLAGS.filter(({ target }) => target.in === 'nothing').map(({ name }) => name);
    const tested = new Set([...EFFECTS.map(([flag]) => flag), ...idle, 'help', 'version']);
    expect(FLAGS.map(({ name }) => name).filter((name) => !tested.has(name))).toEqual([]);
  });

  test('names, aliases and letters are each there once', () => {
    const names = FLAGS.flatMap(({ name, aliases }) => [name, ...aliases]);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('defaults that depend on other values', () => {
  test('an IPv6 bind address moves the servers to IPv6', () => {
    const { config } = settled(['--bind-address=::']).settings;
    expect(config.healthzBindAddress).toBe('[::]:10256');
    expect(config.metricsBindAddress).toBe('[::1]:10249');
  });

  test('nftables mode answers node ports on the primary addresses', () => {
    expect(settled(['--mode=nftables']).settings.config.nodePortAddresses).toEqual(['primary']);
    expect(settled([], 'mode: nftables').settings.config.nodePortAddresses).toEqual(['primary']);
  });

  test('--healthz-port yields to an address with a port, and 0 means no server all the same', () => {
    const port = (text: string) =>
      settled([`--healthz-port=${text}`, '--healthz-bind-address=127.0.0.1:99']).settings.config
        .healthzBindAddress;
    expect(port('98')).toBe('127.0.0.1:99');
    expect(port('0')).toBe('');
  });

  test('ipvs.minSyncPeriod is 1 s from flags, and 0 from a file', () => {
    expect(settled(['--mode=ipvs']).settings.config.ipvs.minSyncPeriod).toBe(1_000);
    expect(settled([], 'mode: ipvs').settings.config.ipvs.minSyncPeriod).toBe(0);
  });
});

test('settings can be told from defaults', () => {
  const { given } = settled(
    ['--masquerade-all', '--from=x'],
    'iptables: {minSyncPeriod: 0s}\nmode: ipvs',
  ).settings;
  expect([...given].sort()).toEqual(['iptables.masqueradeAll', 'mode', 'nftables.masqueradeAll']);
});

test('settings are frozen all the way down', () => {
  const { settings } = settled(['--cluster-cidr=10.0.0.0/8']);
  expect(Object.isFrozen(settings.config.clusterCIDR)).toBe(true);
  expect(Object.isFrozen(settings.config.ipvs)).toBe(true);
});

function valueAt(settings: Settings, path: string): unknown {
  return path.split('.').reduce<unknown>((value, name) => Reflect.get(Object(value), name), settings);
}
