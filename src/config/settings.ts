import type { Address, Cidr, Family } from '../../rules/model.ts';

/** Everything that the command line and the configuration file decide: settled once at start, frozen after. */
export interface Settings {
  /** Of this program, as package.json has it. */
  readonly version: string;
  /** Flags laid over the configuration file laid over kube-proxy's defaults. */
  readonly config: KubeProxyConfiguration;
  /**
   * The fields of `config` that the command line or the configuration file sets, as dotted paths
   * (`iptables.minSyncPeriod`). All others hold defaults.
   */
  readonly given: ReadonlySet<string>;
  /** The same as config.mode. */
  readonly mode: Mode;
  /** The Node this runs on: hostnameOverride or the host's name, trimmed and in lower case. */
  readonly nodeName: string;
  /** The same as config.bindAddress. */
  readonly bindAddress: Address;
  /** The same as config.clientConnection.kubeconfig, or undefined where that is empty. */
  readonly kubeconfig: string | undefined;
  /** URL of the API server, instead of the one in the kubeconfig. */
  readonly master: string | undefined;
  /** The configuration file, where one was given: its change ends the process. */
  readonly configFile: string | undefined;
  /** Write the settled configuration to this file (see configText), and exit. */
  readonly writeConfigTo: string | undefined;
  /** Remove all that any mode programmed, and exit. */
  readonly cleanup: boolean;
  /** Do what needs full privileges, and exit. */
  readonly initOnly: boolean;
  /** Print the rules, and program nothing. */
  readonly dryRun: boolean;
  /** Files to read objects from instead of the API server, `-` for standard input. Empty: the API server. */
  readonly from: readonly string[];
  /** Where a dry run writes one file per section, instead of standard output. */
  readonly outputDir: string | undefined;
  /** Only this family; undefined for both. */
  readonly ipFamily: Family | undefined;
  /** Addresses of this node's interfaces, each bare or as ADDR/LEN. Undefined: find out. */
  readonly localAddresses: readonly string[] | undefined;
  readonly iptablesBackend: IptablesBackend;
  /** The nft executable, where it is not the one in PATH. */
  readonly nftPath: string | undefined;
  /** Serve the page on the metrics server. */
  readonly ui: boolean;
  /** The same as config.logging.verbosity. */
  readonly verbosity: number;
  /** The same as config.logging.format. */
  readonly loggingFormat: LoggingFormat;
}

export type Mode = 'iptables' | 'ipvs' | 'nftables';
export type LocalMode = 'ClusterCIDR' | 'NodeCIDR' | 'BridgeInterface' | 'InterfaceNamePrefix';
export type IptablesBackend = 'auto' | 'nft' | 'legacy';
export type LoggingFormat = 'json' | 'text';

/** Something about the settings that a person should be told once. */
export interface Note {
  readonly level: 'info' | 'warn';
  readonly message: string;
}

/**
 * kubeproxy.config.k8s.io/v1alpha1 as kube-proxy 1.36 knows it, without what only Windows has. Names are
 * kube-proxy's; durations are milliseconds; addresses and networks are in canonical spelling.
 */
export interface KubeProxyConfiguration {
  readonly featureGates: FeatureGates;
  readonly clientConnection: ClientConnection;
  readonly logging: Logging;
  /** Empty: the host's name. Settings.nodeName is what to use. */
  readonly hostnameOverride: string;
  /** The node's IP, unless it is the unspecified address: no socket is ever bound to it. */
  readonly bindAddress: Address;
  /** `ADDRESS:PORT` (parseHostPort), or empty: no health server. */
  readonly healthzBindAddress: string;
  /** `ADDRESS:PORT` (parseHostPort), or empty: no metrics server. */
  readonly metricsBindAddress: string;
  /** A health or metrics port that cannot be bound ends the process. */
  readonly bindAddressHardFail: boolean;
  /** Profiles on the metrics server. */
  readonly enableProfiling: boolean;
  /** `MAJOR.MINOR`, or empty. */
  readonly showHiddenMetricsForVersion: string;
  readonly mode: Mode;
  readonly iptables: IptablesConfiguration;
  readonly ipvs: IpvsConfiguration;
  readonly nftables: NftablesConfiguration;
  readonly detectLocalMode: LocalMode;
  readonly detectLocal: DetectLocal;
  /** One network, or one of each family. Empty: none. */
  readonly clusterCIDR: readonly Cidr[];
  /** Networks, or `primary` alone. Empty: all local addresses. */
  readonly nodePortAddresses: readonly (Cidr | 'primary')[];
  /** -1000 to 1000. */
  readonly oomScoreAdj: number;
  readonly conntrack: Conntrack;
  /** ms, above 0. Without effect here. */
  readonly configSyncPeriod: number;
  /** Without effect since the userspace mode is gone. */
  readonly portRange: string;
}

export type FeatureGates = Readonly<Record<string, boolean>>;

export interface ClientConnection {
  /** Path of the kubeconfig; empty: the Pod's service account. */
  readonly kubeconfig: string;
  readonly acceptContentTypes: string;
  readonly contentType: string;
  /** Requests a second. Without effect here. */
  readonly qps: number;
  /** Requests. Without effect here. */
  readonly burst: number;
}

/** What iptables and ipvs mode share (masquerading), and the rest of iptables mode. */
export interface IptablesConfiguration {
  /** Bit of the packet mark, 0 to 31, also for ipvs mode. */
  readonly masqueradeBit: number;
  /** Also for ipvs mode. */
  readonly masqueradeAll: boolean;
  /** Node ports answer on 127.0.0.1 (IPv4, iptables mode). */
  readonly localhostNodePorts: boolean;
  /** ms, above 0. */
  readonly syncPeriod: number;
  /** ms. */
  readonly minSyncPeriod: number;
}

export interface IpvsConfiguration {
  /** ms, above 0. */
  readonly syncPeriod: number;
  /** ms. */
  readonly minSyncPeriod: number;
  /** As ipvsadm names it. */
  readonly scheduler: string;
  /** Virtual servers in these networks are other people's. */
  readonly excludeCIDRs: readonly Cidr[];
  readonly strictARP: boolean;
  /** ms; 0 leaves the kernel's value. */
  readonly tcpTimeout: number;
  /** ms; 0 leaves the kernel's value. */
  readonly tcpFinTimeout: number;
  /** ms; 0 leaves the kernel's value. */
  readonly udpTimeout: number;
}

export interface NftablesConfiguration {
  /** Bit of the packet mark, 0 to 31. */
  readonly masqueradeBit: number;
  readonly masqueradeAll: boolean;
  /** ms, above 0. */
  readonly syncPeriod: number;
  /** ms. */
  readonly minSyncPeriod: number;
}

export interface DetectLocal {
  /** Traffic from this bridge is local (detectLocalMode BridgeInterface). */
  readonly bridgeInterface: string;
  /** Traffic from interfaces whose names begin so is local (detectLocalMode InterfaceNamePrefix). */
  readonly interfaceNamePrefix: string;
}

export interface Conntrack {
  /** Connections per CPU; 0 leaves the kernel's limit and makes `min` moot. */
  readonly maxPerCore: number;
  /** Connections, as a lower bound of maxPerCore × CPUs. */
  readonly min: number;
  /** ms; 0 leaves the kernel's value. */
  readonly tcpEstablishedTimeout: number;
  /** ms; 0 leaves the kernel's value. */
  readonly tcpCloseWaitTimeout: number;
  /** Packets outside the window are not INVALID. */
  readonly tcpBeLiberal: boolean;
  /** ms; 0 leaves the kernel's value. */
  readonly udpTimeout: number;
  /** ms; 0 leaves the kernel's value. */
  readonly udpStreamTimeout: number;
}

export interface Logging {
  readonly format: LoggingFormat;
  /** ms. Without effect here: lines are written as they come. */
  readonly flushFrequency: number;
  /** 0 says what matters; higher says more. */
  readonly verbosity: number;
  /** Without effect here. */
  readonly vmodule: readonly VModule[];
  /** Without effect here. */
  readonly options: { readonly text: LogOutput; readonly json: LogOutput };
}

export interface VModule {
  readonly filePattern: string;
  readonly verbosity: number;
}

export interface LogOutput {
  readonly splitStream: boolean;
  /** Bytes. */
  readonly infoBufferSize: number;
}
