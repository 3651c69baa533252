import { configFlag, type Flag, group, idleFlag, outsideFlag } from './flag.ts';
import { switchKind, textKind } from './kinds.ts';

/** The heading of the flags that are accepted because kube-proxy has them. */
export const IDLE_GROUP = 'Accepted without effect';

/** Every flag, in the order of help: kube-proxy 1.36's on Linux, and ours. */
export const FLAGS: readonly Flag[] = [
  ...group('What to do', [
    outsideFlag('configFile', 'config', 'KubeProxyConfiguration to start from; flags win over it'),
    outsideFlag('dryRun', 'dry-run', 'print the rules and program nothing'),
    outsideFlag(
      'from',
      'from',
      'read objects from this file instead of the API server; - is standard input; repeatable',
    ),
    outsideFlag('outputDir', 'output-dir', 'write each section of the dry run to a file in here'),
    outsideFlag('ipFamily', 'ip-family', 'ipv4 or ipv6 alone'),
    outsideFlag(
      'initOnly',
      'init-only',
      'do what needs full privileges, and exit; CAP_NET_ADMIN will do afterwards',
    ),
    outsideFlag('cleanup', 'cleanup', 'remove all that any mode programmed, and exit'),
    outsideFlag('writeConfigTo', 'write-config-to', 'write the resulting configuration, and exit'),
    outsideFlag('version', 'version', 'print the version, and exit', { defaultText: '' }),
    outsideFlag('help', 'help', 'print this, and exit', { short: 'h' }),
  ]),
  ...group('The cluster', [
    configFlag(
      ['clientConnection.kubeconfig'],
      'kubeconfig',
      'how to reach the API server; without: as Pods do',
    ),
    outsideFlag('master', 'master', "the API server's address, instead of the kubeconfig's"),
    configFlag(['clusterCIDR'], 'cluster-cidr', "the Pods' network, or one of each family"),
    configFlag(['featureGates'], 'feature-gates', "kube-proxy's; none changes anything here"),
  ]),
  ...group('The node', [
    configFlag(['hostnameOverride'], 'hostname-override', "the Node's name; without: the host's", {
      alwaysWins: true,
    }),
    configFlag(['bindAddress'], 'bind-address', "the Node's IP, unless unspecified; nothing is bound to it"),
    outsideFlag(
      'localAddresses',
      'local-addresses',
      'those of its interfaces, as ADDR or ADDR/LEN; without: found out',
    ),
    configFlag(
      ['nodePortAddresses'],
      'nodeport-addresses',
      "where node ports answer; primary: on the Node's IPs; without: everywhere",
    ),
    configFlag(
      ['detectLocalMode'],
      'detect-local-mode',
      'how to tell its Pods: ClusterCIDR, NodeCIDR, BridgeInterface or InterfaceNamePrefix',
    ),
    configFlag(
      ['detectLocal.bridgeInterface'],
      'pod-bridge-interface',
      'the bridge that its Pods are on, for BridgeInterface',
    ),
    configFlag(
      ['detectLocal.interfaceNamePrefix'],
      'pod-interface-name-prefix',
      "how its Pods' interfaces begin, for InterfaceNamePrefix",
    ),
    configFlag(['oomScoreAdj'], 'oom-score-adj', "this process's oom_score_adj, -1000 to 1000"),
  ]),
  ...group('All modes', [
    configFlag(['mode'], 'proxy-mode', 'iptables, ipvs or nftables; --mode is the same flag', {
      aliases: ['mode'],
    }),
    configFlag(
      ['iptables.masqueradeAll', 'nftables.masqueradeAll'],
      'masquerade-all',
      'masquerade all traffic to cluster IPs',
    ),
  ]),
  ...group('iptables mode', [
    outsideFlag('iptablesBackend', 'iptables-backend', 'auto, nft or legacy'),
    configFlag(
      ['iptables.masqueradeBit'],
      'iptables-masquerade-bit',
      'bit of the packet mark, 0 to 31; also of ipvs mode',
    ),
    configFlag(
      ['iptables.localhostNodePorts'],
      'iptables-localhost-nodeports',
      'node ports answer on 127.0.0.1',
    ),
    configFlag(
      ['iptables.syncPeriod', 'nftables.syncPeriod'],
      'iptables-sync-period',
      'time between checks of the rules; also of nftables mode',
    ),
    configFlag(
      ['iptables.minSyncPeriod', 'nftables.minSyncPeriod'],
      'iptables-min-sync-period',
      'shortest time between syncs; also of nftables mode',
    ),
  ]),
  ...group('ipvs mode', [
    configFlag(['ipvs.scheduler'], 'ipvs-scheduler', 'as ipvsadm names it'),
    configFlag(
      ['ipvs.excludeCIDRs'],
      'ipvs-exclude-cidrs',
      "leave other people's virtual servers in there alone",
    ),
    configFlag(['ipvs.strictARP'], 'ipvs-strict-arp', 'set arp_ignore to 1 and arp_announce to 2'),
    configFlag(['ipvs.syncPeriod'], 'ipvs-sync-period', 'time between checks of the rules'),
    configFlag(['ipvs.minSyncPeriod'], 'ipvs-min-sync-period', 'shortest time between syncs', {
      defaultText: '1s',
    }),
    configFlag(['ipvs.tcpTimeout'], 'ipvs-tcp-timeout', "timeout of an idle TCP connection; 0: the kernel's"),
    configFlag(
      ['ipvs.tcpFinTimeout'],
      'ipvs-tcpfin-timeout',
      "timeout of a TCP connection after a FIN; 0: the kernel's",
    ),
    configFlag(['ipvs.udpTimeout'], 'ipvs-udp-timeout', "timeout of UDP packets; 0: the kernel's"),
  ]),
  ...group('nftables mode', [
    outsideFlag('nftPath', 'nft-path', 'the nft executable; without: the one in PATH'),
  ]),
  ...group('Connection tracking', [
    configFlag(['conntrack.maxPerCore'], 'conntrack-max-per-core', 'connections per CPU; 0: leave the limit'),
    configFlag(['conntrack.min'], 'conntrack-min', 'connections at least, however few the CPUs'),
    configFlag(
      ['conntrack.tcpEstablishedTimeout'],
      'conntrack-tcp-timeout-established',
      "timeout of an idle TCP connection; 0: the kernel's",
    ),
    configFlag(
      ['conntrack.tcpCloseWaitTimeout'],
      'conntrack-tcp-timeout-close-wait',
      "timeout of a TCP connection in CLOSE_WAIT; 0: the kernel's",
    ),
    configFlag(
      ['conntrack.udpTimeout'],
      'conntrack-udp-timeout',
      "timeout of an unreplied UDP flow; 0: the kernel's",
    ),
    configFlag(
      ['conntrack.udpStreamTimeout'],
      'conntrack-udp-timeout-stream',
      "timeout of an assured UDP flow; 0: the kernel's",
    ),
    configFlag(
      ['conntrack.tcpBeLiberal'],
      'conntrack-tcp-be-liberal',
      'do not take packets outside the window for INVALID',
    ),
  ]),
  ...group('Health and metrics', [
    configFlag(['healthzBindAddress'], 'healthz-bind-address', 'address of /healthz; empty: no server', {
      defaultText: '0.0.0.0:10256',
    }),
    configFlag(['metricsBindAddress'], 'metrics-bind-address', 'address of /metrics; empty: no server', {
      defaultText: '127.0.0.1:10249',
    }),
    outsideFlag('ui', 'ui', 'serve a page for browsers beside /metrics, to whoever reaches that address'),
    configFlag(['bindAddressHardFail'], 'bind-address-hard-fail', 'exit if one of these cannot be bound'),
    configFlag(['enableProfiling'], 'profiling', 'serve CPU and heap profiles beside /metrics'),
    configFlag(
      ['showHiddenMetricsForVersion'],
      'show-hidden-metrics-for-version',
      'show the metrics that were hidden after this version',
    ),
    outsideFlag('healthzPort', 'healthz-port', 'deprecated: use --healthz-bind-address', {
      deprecated: '--healthz-bind-address',
    }),
    outsideFlag('metricsPort', 'metrics-port', 'deprecated: use --metrics-bind-address', {
      deprecated: '--metrics-bind-address',
    }),
  ]),
  ...group('Logs', [
    configFlag(['logging.verbosity'], 'v', '0 logs what matters, higher numbers more', {
      short: 'v',
      alwaysWins: true,
    }),
    configFlag(['logging.format'], 'logging-format', 'json or text', { alwaysWins: true }),
  ]),
  ...group(IDLE_GROUP, [
    configFlag(['clientConnection.contentType'], 'kube-api-content-type', ''),
    configFlag(['clientConnection.qps'], 'kube-api-qps', ''),
    configFlag(['clientConnection.burst'], 'kube-api-burst', ''),
    configFlag(['configSyncPeriod'], 'config-sync-period', ''),
    configFlag(['logging.flushFrequency'], 'log-flush-frequency', '', { alwaysWins: true }),
    configFlag(['logging.vmodule'], 'vmodule', '', { alwaysWins: true }),
    ...(['text', 'json'] as const).flatMap((format) => [
      configFlag([`logging.options.${format}.splitStream`], `log-${format}-split-stream`, '', {
        alwaysWins: true,
      }),
      configFlag([`logging.options.${format}.infoBufferSize`], `log-${format}-info-buffer-size`, '', {
        alwaysWins: true,
      }),
    ]),
    // klog's. Kubernetes spells them with underscores, which are as good as dashes in every name.
    ...[
      'add-dir-header',
      'alsologtostderr',
      'logtostderr',
      'one-output',
      'skip-headers',
      'skip-log-headers',
    ].map((name) => idleFlag(name, switchKind())),
    ...['log-backtrace-at', 'log-dir', 'log-file', 'log-file-max-size', 'stderrthreshold'].map((name) =>
      idleFlag(name, textKind('text')),
    ),
  ]),
];
