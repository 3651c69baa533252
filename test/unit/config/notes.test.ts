import { describe, expect, test } from 'vitest';
import { settled, told } from './settled.ts';

describe('a flag beside a configuration file wins, and says so', () => {
  test.each<[string[], string, string[]]>([
    [['--mode=ipvs'], 'mode: iptables', ['--mode=ipvs overrides mode: iptables of the configuration file']],
    [
      ['--proxy-mode', 'ipvs'],
      'mode: nftables',
      ['--proxy-mode=ipvs overrides mode: nftables of the configuration file'],
    ],
    [
      ['--masquerade-all'],
      'iptables: {masqueradeAll: false}\nnftables: {masqueradeAll: false}',
      [
        '--masquerade-all overrides iptables.masqueradeAll: false and nftables.masqueradeAll: false of the configuration file',
      ],
    ],
    [
      ['--cluster-cidr=fd00::/8'],
      'clusterCIDR: 10.0.0.0/8',
      ['--cluster-cidr=fd00::/8 overrides clusterCIDR: 10.0.0.0/8 of the configuration file'],
    ],
    [
      ['--nodeport-addresses='],
      'nodePortAddresses: [10.0.0.0/8]',
      ['--nodeport-addresses= overrides nodePortAddresses: ["10.0.0.0/8"] of the configuration file'],
    ],
    [
      ['--iptables-sync-period=1m'],
      'iptables: {syncPeriod: 10s}',
      ['--iptables-sync-period=1m overrides iptables.syncPeriod: 10s of the configuration file'],
    ],
    [
      ['--hostname-override=a'],
      'hostnameOverride: b',
      ['--hostname-override=a overrides hostnameOverride: b of the configuration file'],
    ],
    [['--mode=ipvs'], 'mode: ipvs', []],
    [['--mode=ipvs'], '', ['--mode=ipvs is used beside the configuration file, which does not set mode']],
    [['--mode=iptables'], '', []],
    // These win in kube-proxy, too, and are in most manifests.
    [['--hostname-override=a', '-v2', '--logging-format=text'], '', []],
  ])('%j over %j', (argv, yaml, messages) => {
    expect(told(argv, yaml)).toEqual(messages);
  });

  test('and its value counts', () => {
    const { config, nodeName } = settled(
      ['--mode=ipvs', '--hostname-override=a'],
      'mode: nftables\nhostnameOverride: b',
    ).settings;
    expect([config.mode, nodeName]).toEqual(['ipvs', 'a']);
  });
});

describe('what has no effect is named', () => {
  const REQUESTS = 'one watch for each kind of object, with backoff, leaves nothing to limit';
  test.each([
    [['--kube-api-qps=5'], `--kube-api-qps has no effect: ${REQUESTS}`],
    [['--kube-api-burst=5'], `--kube-api-burst has no effect: ${REQUESTS}`],
    [
      ['--kube-api-content-type=x'],
      '--kube-api-content-type has no effect: the API server is always asked for JSON',
    ],
    [
      ['--config-sync-period=5m'],
      '--config-sync-period has no effect: objects are followed by watching, and never delivered again without a change',
    ],
    [['--log-flush-frequency=1s'], '--log-flush-frequency has no effect: log lines are written as they come'],
    [['--vmodule=a=1'], '--vmodule has no effect: verbosity is one for the whole program, see -v'],
    [
      ['--log-text-split-stream'],
      '--log-text-split-stream has no effect: log lines are written as they come, to one stream',
    ],
    [
      ['--logtostderr=true'],
      '--logtostderr has no effect: log lines are written as they come, to one stream',
    ],
    [['--log_dir=/var/log'], '--log_dir has no effect: log lines are written as they come, to one stream'],
    [
      ['--stderrthreshold', '2'],
      '--stderrthreshold has no effect: log lines are written as they come, to one stream',
    ],
    [['--healthz-port=1'], '--healthz-port is deprecated: use --healthz-bind-address'],
    [['--metrics-port=1'], '--metrics-port is deprecated: use --metrics-bind-address'],
  ])('%j', (argv, message) => {
    expect(told(argv)).toEqual([message]);
    expect(told(argv, '')).toEqual([message]);
  });

  test('in a file, where it says other than the default', () => {
    const yaml = 'configSyncPeriod: 15m\nclientConnection:\n  qps: 50\nportRange: 1-2';
    expect(told([], yaml)).toEqual([
      `clientConnection.qps has no effect: ${REQUESTS} (kube-proxy.yaml:5)`,
      'portRange has no effect: it was for the userspace mode (kube-proxy.yaml:6)',
    ]);
  });

  test('feature gates, and whether they are known', () => {
    const { notes } = settled(['--feature-gates=NFTablesProxyMode=true,TopologyAwareHint=false,Xyz=true']);
    expect(notes).toEqual([
      {
        level: 'info',
        message: 'feature gate NFTablesProxyMode=true has no effect here: what it gates is settled',
      },
      {
        level: 'warn',
        message:
          'feature gate TopologyAwareHint=false is not known to a Service proxy: ignored, did you mean TopologyAwareHints?',
      },
      { level: 'warn', message: 'feature gate Xyz=true is not known to a Service proxy: ignored' },
    ]);
  });

  test('an API server beside files', () => {
    expect(told(['--from=a', '--kubeconfig=b', '--master=c'])).toEqual([
      '--kubeconfig is ignored: objects come from --from',
      '--master is ignored: objects come from --from',
    ]);
  });
});
