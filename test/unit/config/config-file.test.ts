import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseConfigFile } from '../../../src/config/config-file.ts';
import { configText } from '../../../src/config/config-text.ts';
import { loadSettings } from '../../../src/config/load.ts';
import { settled, told } from './settled.ts';

const CORPUS = new URL('../../../fixtures/kube-proxy-1.36/', import.meta.url);

/** What kubeadm puts into a new cluster's ConfigMap: every field, most of them at the zero of their type. */
const KUBEADM = `
bindAddress: 0.0.0.0
bindAddressHardFail: false
clientConnection:
  acceptContentTypes: ""
  burst: 0
  contentType: ""
  kubeconfig: /var/lib/kube-proxy/kubeconfig.conf
  qps: 0
clusterCIDR: 10.244.0.0/16
configSyncPeriod: 0s
conntrack:
  maxPerCore: null
  min: null
  tcpBeLiberal: false
  tcpCloseWaitTimeout: null
  tcpEstablishedTimeout: null
  udpStreamTimeout: 0s
  udpTimeout: 0s
detectLocal:
  bridgeInterface: ""
  interfaceNamePrefix: ""
detectLocalMode: ""
enableProfiling: false
healthzBindAddress: ""
hostnameOverride: ""
iptables:
  localhostNodePorts: null
  masqueradeAll: false
  masqueradeBit: null
  minSyncPeriod: 0s
  syncPeriod: 0s
ipvs:
  excludeCIDRs: null
  minSyncPeriod: 0s
  scheduler: ""
  strictARP: false
  syncPeriod: 0s
  tcpFinTimeout: 0s
  tcpTimeout: 0s
  udpTimeout: 0s
logging:
  flushFrequency: 0
  options:
    json:
      infoBufferSize: "0"
    text:
      infoBufferSize: "0"
  verbosity: 0
metricsBindAddress: ""
mode: ""
nftables:
  masqueradeAll: false
  masqueradeBit: null
  minSyncPeriod: 0s
  syncPeriod: 0s
nodePortAddresses: null
oomScoreAdj: null
portRange: ""
showHiddenMetricsForVersion: ""
udpIdleTimeout: 0s
winkernel:
  enableDSR: false
  forwardHealthCheckVip: false
  networkName: ""
  rootHnsEndpointName: ""
  sourceVip: ""
`;

describe('files as they are found in clusters', () => {
  test("kubeadm's is the same as one that says what it sets, and nobody is told anything", () => {
    const brief = settled(
      [],
      'clusterCIDR: 10.244.0.0/16\nclientConnection: {kubeconfig: /var/lib/kube-proxy/kubeconfig.conf}',
    );
    const { settings, notes } = settled([], KUBEADM);
    expect(settings.config).toEqual(brief.settings.config);
    expect(notes).toEqual([]);
  });

  test('JSON is as good as YAML', () => {
    const text =
      '{"apiVersion":"kubeproxy.config.k8s.io/v1alpha1","kind":"KubeProxyConfiguration","ipvs":{"scheduler":"sh"}}';
    expect(Object.fromEntries(parseConfigFile(text, 'x.json').values)).toEqual({ 'ipvs.scheduler': 'sh' });
  });

  test('only what kube-proxy keeps without a pointer takes zero for the default', () => {
    const yaml = `
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
oomScoreAdj: 0
iptables: {masqueradeBit: 0, localhostNodePorts: false}
nftables: {masqueradeBit: 0}`;
    const { config } = settled([], yaml).settings;
    expect(config.conntrack).toMatchObject({
      maxPerCore: 0,
      min: 0,
      tcpEstablishedTimeout: 0,
      tcpCloseWaitTimeout: 0,
    });
    expect(config.oomScoreAdj).toBe(0);
    expect(config.iptables).toMatchObject({ masqueradeBit: 0, localhostNodePorts: false });
    expect(config.nftables.masqueradeBit).toBe(0);
  });

  test('logging takes numbers of nanoseconds and bytes', () => {
    const { logging } = settled(
      [],
      'logging: {flushFrequency: 1000000000, options: {json: {infoBufferSize: 64}}}',
    ).settings.config;
    expect(logging.flushFrequency).toBe(1_000);
    expect(logging.options.json.infoBufferSize).toBe(64);
  });

  test('the hostname of the file is trimmed and put in lower case', () => {
    expect(settled([], 'hostnameOverride: " Node-B "').settings.nodeName).toBe('node-b');
  });

  const cases = readdirSync(CORPUS, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  test.each(cases.map(({ name }) => name))('%s of the corpus', (name) => {
    const path = new URL(`${name}/config.yaml`, CORPUS).pathname;
    const ports = { readFile: (file: string) => readFileSync(file, 'utf8'), hostname: () => 'unused' };
    const loaded = loadSettings(['--config', path], ports);
    expect(loaded).toMatchObject({
      kind: 'settings',
      notes: [],
      settings: { nodeName: 'node-a', config: { healthzBindAddress: '127.0.0.1:10256' } },
    });
  });
});

describe('fields that are not for this program', () => {
  test('those of Windows and of former times are ignored, and named where they say something', () => {
    const yaml =
      'winkernel:\n  enableDSR: true\nwindowsRunAsService: true\nudpIdleTimeout: 250ms\nresourceContainer: /x\nconntrack: {max: 5}';
    expect(told([], yaml)).toEqual([
      'winkernel is for Windows: ignored (kube-proxy.yaml:3)',
      'windowsRunAsService is for Windows: ignored (kube-proxy.yaml:5)',
      'udpIdleTimeout went with the userspace mode: ignored (kube-proxy.yaml:6)',
      'resourceContainer is no longer a field of kube-proxy: ignored (kube-proxy.yaml:7)',
      'conntrack.max is no longer a field of kube-proxy, conntrack.maxPerCore is: ignored (kube-proxy.yaml:8)',
    ]);
  });
});

describe('configText', () => {
  test('is a file that gives the same configuration, every field of it', () => {
    const argv = [
      '--mode=ipvs',
      '--cluster-cidr=10.0.0.0/8,fd00::/8',
      '--nodeport-addresses=192.0.2.0/24,2001:db8::/32',
      '--iptables-min-sync-period=250ms',
      '--conntrack-udp-timeout=1h2m3.5s',
      '--feature-gates=AllBeta=true',
      '--vmodule=a=1',
      '--log-json-info-buffer-size=2Ki',
      '--bind-address=fd00::7',
      '--masquerade-all',
      '--hostname-override=007',
    ];
    const { config } = settled(argv).settings;
    const text = configText(config);
    const ports = { readFile: () => text, hostname: () => 'unused' };
    const again = loadSettings(['--config=x'], ports);
    expect(again).toMatchObject({ settings: { config } });
  });

  test('spells what kube-proxy would', () => {
    const text = configText(
      settled(['--nodeport-addresses=10.0.0.0/8', '--cluster-cidr=10.0.0.0/8,fd00::/8']).settings.config,
    );
    expect(text).toMatchSnapshot();
  });
});
