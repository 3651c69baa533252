import { describe, expect, test } from 'vitest';
import { FILE, refusal, refusalOfText } from './settled.ts';

const DURATION = 'a duration of at least 0, such as "30s" or "1h2m3s"';
const PERIOD = 'a duration above 0, such as "30s" or "1h2m3s"';
const CIDR_PAIR = 'a CIDR, or one of each family separated by a comma';
const HOST_PORT = 'an IP address, alone or with a port from 1 to 65535';
const INTERFACE = (length: number) =>
  `the name of a network interface, of at most ${length} letters, digits and _.@+=~-`;

describe('a bad flag is named with its value and what it may be', () => {
  test.each([
    ['--mode', 'foo', 'iptables, ipvs or nftables'],
    ['--proxy-mode', 'IPVS', 'iptables, ipvs or nftables'],
    ['--proxy-mode', 'userspace', 'iptables, ipvs or nftables'],
    ['--ip-family', 'dual', 'ipv4 or ipv6'],
    ['--iptables-backend', 'nftables', 'auto, nft or legacy'],
    ['--logging-format', 'xml', 'json or text'],
    ['--detect-local-mode', 'clusterCIDR', 'ClusterCIDR, NodeCIDR, BridgeInterface or InterfaceNamePrefix'],
    ['--dry-run', 'yes', 'true or false'],
    ['--masquerade-all', '', 'true or false'],
    ['--version', 'v1.2.3', 'true, raw or false'],
    ['--iptables-masquerade-bit', '32', 'a whole number from 0 to 31'],
    ['--iptables-masquerade-bit', '-1', 'a whole number from 0 to 31'],
    ['--iptables-masquerade-bit', '1.5', 'a whole number from 0 to 31'],
    ['--iptables-masquerade-bit', '014', 'a whole number from 0 to 31'],
    ['--iptables-masquerade-bit', '', 'a whole number from 0 to 31'],
    ['--oom-score-adj', '1001', 'a whole number from -1000 to 1000'],
    ['--oom-score-adj', '-1001', 'a whole number from -1000 to 1000'],
    ['--conntrack-max-per-core', '-1', 'a whole number of at least 0'],
    ['--conntrack-min', '1e3', 'a whole number of at least 0'],
    ['--conntrack-min', '2147483648', 'a whole number of at least 0'],
    ['--v', 'high', 'a whole number of at least 0'],
    ['--kube-api-burst', '-5', 'a whole number of at least 0'],
    ['--kube-api-qps', 'fast', 'a number'],
    ['--healthz-port', '65536', 'a whole number from 0 to 65535'],
    ['--metrics-port', '-1', 'a whole number from 0 to 65535'],
    ['--iptables-sync-period', '30', PERIOD],
    ['--iptables-sync-period', '0s', PERIOD],
    ['--iptables-sync-period', '-1s', PERIOD],
    ['--iptables-min-sync-period', '1 s', DURATION],
    ['--ipvs-sync-period', '0', PERIOD],
    ['--config-sync-period', '', PERIOD],
    ['--conntrack-tcp-timeout-established', '1d', DURATION],
    ['--conntrack-udp-timeout', '-30s', DURATION],
    ['--ipvs-tcp-timeout', 'soon', DURATION],
    ['--log-flush-frequency', '5', DURATION],
    ['--bind-address', 'localhost', 'an IP address'],
    ['--bind-address', '10.0.0.256', 'an IP address'],
    ['--bind-address', '10.0.0.1:80', 'an IP address'],
    ['--healthz-bind-address', '1.2.3.4:0', HOST_PORT],
    ['--healthz-bind-address', ':10256', HOST_PORT],
    ['--metrics-bind-address', 'localhost:10249', HOST_PORT],
    ['--metrics-bind-address', '[::1]', HOST_PORT],
    ['--cluster-cidr', '10.244.0.0', CIDR_PAIR],
    ['--cluster-cidr', '10.0.0.0/8,10.1.0.0/16', CIDR_PAIR],
    ['--cluster-cidr', '10.0.0.0/8,fd00::/8,192.0.2.0/24', CIDR_PAIR],
    ['--cluster-cidr', '10.0.0.0/8,', CIDR_PAIR],
    ['--nodeport-addresses', '10.0.0.1', 'a CIDR or "primary"'],
    ['--nodeport-addresses', 'fd00::/129', 'a CIDR or "primary"'],
    ['--nodeport-addresses', 'localhost', 'a CIDR or "primary"'],
    ['--ipvs-exclude-cidrs', '192.0.2.0', 'a CIDR'],
    ['--ipvs-scheduler', 'rr; reboot', 'the name of an IPVS scheduler, such as rr, wrr, lc or sh'],
    ['--local-addresses', '10.0.0.1/33', 'an IP address, alone or with a prefix length'],
    ['--local-addresses', 'eth0', 'an IP address, alone or with a prefix length'],
    ['--local-addresses', '10.0.0.1/8/8', 'an IP address, alone or with a prefix length'],
    ['--pod-bridge-interface', 'cni 0', INTERFACE(15)],
    ['--pod-bridge-interface', 'a-name-of-16-xxx', INTERFACE(15)],
    ['--pod-bridge-interface', '-j', INTERFACE(15)],
    ['--pod-interface-name-prefix', '"veth', INTERFACE(14)],
    ['--pod-interface-name-prefix', 'prefix-of-15-xx', INTERFACE(14)],
    ['--show-hidden-metrics-for-version', '1.30', '1.35, the previous minor version, or empty'],
    ['--feature-gates', 'AllBeta', 'NAME=true or NAME=false'],
    ['--feature-gates', 'AllBeta=maybe', 'NAME=true or NAME=false'],
    ['--vmodule', 'proxier', 'a pattern and a number, such as proxier=4'],
    ['--log-json-info-buffer-size', 'big', 'a number of bytes, such as "512", "1K", "2Ki" or "3M"'],
    ['--hostname-override', '  ', 'the name of a Node'],
  ])('%s=%s', (flag, value, allowed) => {
    expect(refusal([`${flag}=${value}`])).toBe(
      `${flag} must be ${allowed}: current value is ${JSON.stringify(value)}`,
    );
  });

  test('of a list, the entry', () => {
    expect(refusal(['--nodeport-addresses=10.0.0.0/8,10.0.0.0/33'])).toBe(
      '--nodeport-addresses must be a CIDR or "primary": current value is "10.0.0.0/33"',
    );
  });

  test('a huge value is cut', () => {
    expect(refusal([`--mode=${'x'.repeat(1_000)}`])).toMatch(/^--mode must be .* "x+\.\.\.$/);
  });
});

describe('flags that do not go together', () => {
  test.each([
    [
      ['--nodeport-addresses=primary,10.0.0.0/8'],
      '--nodeport-addresses must be CIDRs, or "primary" alone: current value is ["primary","10.0.0.0/8"]',
    ],
    [
      ['--detect-local-mode=BridgeInterface'],
      '--pod-bridge-interface must be set when --detect-local-mode is BridgeInterface: current value is ""',
    ],
    [
      ['--detect-local-mode=InterfaceNamePrefix', '--pod-bridge-interface=cni0'],
      '--pod-interface-name-prefix must be set when --detect-local-mode is InterfaceNamePrefix: current value is ""',
    ],
    [
      ['--iptables-min-sync-period=1m'],
      '--iptables-min-sync-period must be at most --iptables-sync-period, 30s: current value is "1m0s"',
    ],
    [
      ['--mode=ipvs', '--ipvs-sync-period=1s', '--ipvs-min-sync-period=2s'],
      '--ipvs-min-sync-period must be at most --ipvs-sync-period, 1s: current value is "2s"',
    ],
    [['--output-dir=rules'], '--output-dir must be given with --dry-run: current value is "rules"'],
    [['--dry-run', '--cleanup'], '--dry-run and --cleanup must not be given together'],
    [
      ['--dry-run', '--init-only', '--write-config-to=x'],
      '--dry-run, --init-only and --write-config-to must not be given together',
    ],
    [['--from=-', '--from=-'], '--from must be - once at most: current value is "-,-"'],
    [
      ['--config=missing.yaml'],
      '--config must be a file that can be read: current value is "missing.yaml" (ENOENT: no such file or directory, open \'missing.yaml\')',
    ],
  ])('%j', (argv, message) => {
    expect(refusal(argv)).toBe(message);
  });

  test('what another mode has is its own affair', () => {
    expect(refusal(['--ipvs-sync-period=1s', '--ipvs-min-sync-period=2s'])).toBe('accepted');
  });
});

describe('a bad field is named with its value, what it may be, and its line', () => {
  test.each([
    ['mode: foo', 'mode must be iptables, ipvs or nftables: current value is "foo"', 3],
    ['mode: 1', 'mode must be iptables, ipvs or nftables: current value is 1', 3],
    [
      'iptables: {masqueradeBit: 32}',
      'iptables.masqueradeBit must be a whole number from 0 to 31: current value is 32',
      3,
    ],
    [
      'iptables:\n  masqueradeBit: "14"',
      'iptables.masqueradeBit must be a whole number from 0 to 31: current value is "14"',
      4,
    ],
    [
      'nftables:\n  masqueradeBit: 1.5',
      'nftables.masqueradeBit must be a whole number from 0 to 31: current value is 1.5',
      4,
    ],
    [
      'iptables:\n  masqueradeAll: yes',
      'iptables.masqueradeAll must be true or false: current value is "yes"',
      4,
    ],
    ['iptables:\n  syncPeriod: 30', `iptables.syncPeriod must be ${PERIOD}: current value is 30`, 4],
    [
      'nftables:\n  minSyncPeriod: -1s',
      `nftables.minSyncPeriod must be ${DURATION}: current value is "-1s"`,
      4,
    ],
    ['iptables: fast', 'iptables must be a mapping: current value is "fast"', 3],
    ['iptables: []', 'iptables must be a mapping: current value is []', 3],
    [
      'nodePortAddresses:\n- 10.0.0.0/8\n- 10.0.0.0/33',
      'nodePortAddresses[1] must be a CIDR or "primary": current value is "10.0.0.0/33"',
      5,
    ],
    [
      'nodePortAddresses: [null]',
      'nodePortAddresses[0] must be a CIDR or "primary": current value is null',
      3,
    ],
    [
      'nodePortAddresses: 10.0.0.0/8',
      'nodePortAddresses must be a list of CIDRs: current value is "10.0.0.0/8"',
      3,
    ],
    [
      'nodePortAddresses: [10.0.0.0/8, primary]',
      'nodePortAddresses must be CIDRs, or "primary" alone: current value is ["10.0.0.0/8","primary"]',
      3,
    ],
    [
      'ipvs:\n  excludeCIDRs:\n  - 192.0.2.1',
      'ipvs.excludeCIDRs[0] must be a CIDR: current value is "192.0.2.1"',
      5,
    ],
    [
      'ipvs:\n  scheduler: "r r"',
      'ipvs.scheduler must be the name of an IPVS scheduler, such as rr, wrr, lc or sh: current value is "r r"',
      4,
    ],
    ['clusterCIDR: 10.0.0.0', `clusterCIDR must be ${CIDR_PAIR}: current value is "10.0.0.0"`, 3],
    ['clusterCIDR: [10.0.0.0/8]', `clusterCIDR must be ${CIDR_PAIR}: current value is ["10.0.0.0/8"]`, 3],
    ['bindAddress: here', 'bindAddress must be an IP address: current value is "here"', 3],
    ['healthzBindAddress: 10256', `healthzBindAddress must be ${HOST_PORT}: current value is 10256`, 3],
    ['metricsBindAddress: ":10249"', `metricsBindAddress must be ${HOST_PORT}: current value is ":10249"`, 3],
    [
      'oomScoreAdj: -2000',
      'oomScoreAdj must be a whole number from -1000 to 1000: current value is -2000',
      3,
    ],
    [
      'conntrack:\n  maxPerCore: -1',
      'conntrack.maxPerCore must be a whole number of at least 0: current value is -1',
      4,
    ],
    ['conntrack:\n  udpTimeout: 30', `conntrack.udpTimeout must be ${DURATION}: current value is 30`, 4],
    [
      'featureGates:\n  AllBeta: "true"',
      'featureGates.AllBeta must be true or false: current value is "true"',
      4,
    ],
    [
      'featureGates: AllBeta',
      'featureGates must be names of feature gates, each with true or false: current value is "AllBeta"',
      3,
    ],
    [
      'clientConnection:\n  burst: -1',
      'clientConnection.burst must be a whole number of at least 0: current value is -1',
      4,
    ],
    ['clientConnection:\n  qps: many', 'clientConnection.qps must be a number: current value is "many"', 4],
    [
      'logging:\n  vmodule:\n  - filePattern: a',
      'logging.vmodule[0] must be a filePattern and a verbosity: current value is {"filePattern":"a"}',
      5,
    ],
    ['hostnameOverride: 7', 'hostnameOverride must be text: current value is 7', 3],
    [
      'portRange: 20-10',
      'portRange must be a range of ports such as "300-2000", "300+50" or "300": current value is "20-10"',
      3,
    ],
    ['configSyncPeriod: 1w', `configSyncPeriod must be ${PERIOD}: current value is "1w"`, 3],
  ])('%j', (yaml, message, line) => {
    expect(refusal([], yaml)).toBe(`${message} (${FILE}:${line})`);
  });

  test.each([
    [
      'detectLocalMode: BridgeInterface',
      'detectLocal.bridgeInterface must be set when detectLocalMode is BridgeInterface: current value is ""',
    ],
    [
      'iptables: {minSyncPeriod: 1m}',
      'iptables.minSyncPeriod must be at most iptables.syncPeriod, 30s: current value is "1m0s"',
    ],
    [
      'mode: nftables\nnftables: {syncPeriod: 500ms}',
      'nftables.minSyncPeriod must be at most nftables.syncPeriod, 500ms: current value is "1s"',
    ],
    ['hostnameOverride: " "', 'hostnameOverride must be the name of a Node: current value is " "'],
  ])('%j', (yaml, message) => {
    expect(refusal([], yaml)).toBe(message);
  });

  test('a flag that completes the file is named as a flag', () => {
    expect(refusal(['--iptables-min-sync-period=1m'], 'iptables: {syncPeriod: 20s}')).toBe(
      '--iptables-min-sync-period must be at most iptables.syncPeriod, 20s: current value is "1m0s"',
    );
  });
});

describe('a field that does not exist', () => {
  test.each([
    ['mod: ipvs', 'mod is no field of a KubeProxyConfiguration, did you mean mode?', 3],
    [
      'mode: ipvs\niptables:\n  masqueradebit: 3',
      'iptables.masqueradebit is no field of a KubeProxyConfiguration, did you mean iptables.masqueradeBit?',
      5,
    ],
    ['conntrack:\n  # by hand\n  colour: red', 'conntrack.colour is no field of a KubeProxyConfiguration', 5],
    ['metadata: {name: x}', 'metadata is no field of a KubeProxyConfiguration', 3],
    ['__proto__: {}', '__proto__ is no field of a KubeProxyConfiguration', 3],
  ])('%j', (yaml, message, line) => {
    expect(refusal([], yaml)).toBe(`${message} (${FILE}:${line})`);
  });
});

describe('a file that is no KubeProxyConfiguration', () => {
  test.each([
    ['', `${FILE} must be YAML or JSON: expected a document, but the input is empty`],
    ['a: 1\na: 2\n', `${FILE}:2 must be YAML or JSON: duplicated mapping key`],
    [
      'a: 1\n---\nb: 1\n',
      `${FILE} must be YAML or JSON: expected a single document in the stream, but found more`,
    ],
    [
      '- a\n',
      `${FILE} must be a mapping with kind: KubeProxyConfiguration: current value is ["a"] (${FILE})`,
    ],
    [
      'mode: ipvs\n',
      `apiVersion must be kubeproxy.config.k8s.io/v1alpha1: current value is nothing (${FILE})`,
    ],
    [
      'kind: KubeProxyConfiguration\napiVersion: kubeproxy.config.k8s.io/v1alpha2\n',
      `apiVersion must be kubeproxy.config.k8s.io/v1alpha1: current value is "kubeproxy.config.k8s.io/v1alpha2" (${FILE}:2)`,
    ],
    [
      '{"apiVersion": "kubeproxy.config.k8s.io/v1alpha1",\n "kind": "KubeletConfiguration"}',
      `kind must be KubeProxyConfiguration: current value is "KubeletConfiguration" (${FILE}:2)`,
    ],
  ])('%j', (text, message) => {
    expect(refusalOfText([], text)).toBe(message);
  });

  test('syntax errors have a line', () => {
    expect(refusalOfText([], 'a: 1\nb: [1\n')).toMatch(/^kube-proxy\.yaml:[23] must be YAML or JSON: /);
  });
});
