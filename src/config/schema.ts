import type { Address } from '../../rules/model.ts';
import {
  checkedTextKind,
  choiceKind,
  durationKind,
  flushDurationKind,
  INT32_MAX,
  integerKind,
  type Kind,
  numberKind,
  quantityKind,
  switchKind,
  textKind,
} from './kinds.ts';
import {
  addressKind,
  cidrsKind,
  clusterCIDRKind,
  hostPortKind,
  interfaceKind,
  nodePortAddressesKind,
  portRangeKind,
} from './network-kinds.ts';
import type { FeatureGates, KubeProxyConfiguration, LogOutput, VModule } from './settings.ts';
import { featureGatesKind, vmoduleKind } from './table-kinds.ts';

/** One field of the configuration file. */
export interface Field<T> {
  readonly kind: Kind<T>;
  readonly default: T;
  /**
   * In a file, the zero value of its type (0, empty) means the default, as for the fields that kube-proxy keeps
   * without a pointer: kubeadm writes all of them so.
   */
  readonly zeroIsDefault: boolean;
}

type Leaf = string | number | boolean | undefined | readonly unknown[] | FeatureGates;

/** The fields of T, sections within sections. */
export type Schema<T> = { readonly [K in keyof T]: T[K] extends Leaf ? Field<T[K]> : Schema<T[K]> };

/** The minor version of kube-proxy that all this follows. */
export const KUBE_PROXY_MINOR = 36;
export const HEALTHZ_PORT = 10_256;
export const METRICS_PORT = 10_249;

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** Every field of a KubeProxyConfiguration with kube-proxy 1.36's defaults. */
export const SCHEMA: Schema<KubeProxyConfiguration> = {
  featureGates: field(featureGatesKind(), {}),
  clientConnection: {
    kubeconfig: field(textKind('file'), ''),
    acceptContentTypes: field(textKind('types'), ''),
    contentType: unless0(textKind('type'), 'application/vnd.kubernetes.protobuf'),
    qps: unless0(numberKind(), 5),
    burst: unless0(integerKind(0, INT32_MAX), 10),
  },
  logging: {
    // kube-proxy's is text. Who wants that says so.
    format: unless0(choiceKind('format', ['json', 'text'], 'json'), 'json'),
    flushFrequency: unless0(flushDurationKind(), 5_000),
    verbosity: field(integerKind(0, INT32_MAX), 0),
    vmodule: field<readonly VModule[]>(vmoduleKind(), []),
    options: { text: logOutput(), json: logOutput() },
  },
  hostnameOverride: field(textKind('name'), ''),
  bindAddress: unless0(addressKind(), '0.0.0.0' as Address),
  // What these default to depends on the family of bindAddress: see defaults.ts.
  healthzBindAddress: unless0(hostPortKind(HEALTHZ_PORT), ''),
  metricsBindAddress: unless0(hostPortKind(METRICS_PORT), ''),
  bindAddressHardFail: field(switchKind(), false),
  enableProfiling: field(switchKind(), false),
  showHiddenMetricsForVersion: field(hiddenMetricsVersionKind(), ''),
  mode: unless0(choiceKind('mode', ['iptables', 'ipvs', 'nftables'], 'iptables'), 'iptables'),
  iptables: {
    masqueradeBit: field(integerKind(0, 31), 14),
    masqueradeAll: field(switchKind(), false),
    localhostNodePorts: field(switchKind(), true),
    syncPeriod: unless0(durationKind('above 0'), 30_000),
    minSyncPeriod: unless0(durationKind(), 1_000),
  },
  ipvs: {
    syncPeriod: unless0(durationKind('above 0'), 30_000),
    minSyncPeriod: field(durationKind(), 0),
    // Any: the kernel's modules decide, and new ones have come since kube-proxy knew them by name.
    scheduler: unless0(schedulerKind(), 'rr'),
    excludeCIDRs: field(cidrsKind(), []),
    strictARP: field(switchKind(), false),
    tcpTimeout: field(durationKind(), 0),
    tcpFinTimeout: field(durationKind(), 0),
    udpTimeout: field(durationKind(), 0),
  },
  nftables: {
    masqueradeBit: field(integerKind(0, 31), 14),
    masqueradeAll: field(switchKind(), false),
    syncPeriod: unless0(durationKind('above 0'), 30_000),
    minSyncPeriod: unless0(durationKind(), 1_000),
  },
  detectLocalMode: unless0(
    choiceKind('mode', ['ClusterCIDR', 'NodeCIDR', 'BridgeInterface', 'InterfaceNamePrefix'], 'ClusterCIDR'),
    'ClusterCIDR',
  ),
  detectLocal: {
    bridgeInterface: field(interfaceKind(15), ''),
    // One less, for the + that iptables wants behind a prefix.
    interfaceNamePrefix: field(interfaceKind(14), ''),
  },
  clusterCIDR: field(clusterCIDRKind(), []),
  nodePortAddresses: field(nodePortAddressesKind(), []),
  oomScoreAdj: field(integerKind(-1_000, 1_000), -999),
  conntrack: {
    maxPerCore: field(integerKind(0, INT32_MAX), 32 * 1024),
    min: field(integerKind(0, INT32_MAX), 128 * 1024),
    tcpEstablishedTimeout: field(durationKind(), 24 * HOUR),
    tcpCloseWaitTimeout: field(durationKind(), HOUR),
    tcpBeLiberal: field(switchKind(), false),
    udpTimeout: field(durationKind(), 0),
    udpStreamTimeout: field(durationKind(), 0),
  },
  configSyncPeriod: unless0(durationKind('above 0'), 15 * MINUTE),
  portRange: field(portRangeKind(), ''),
};

/** Every field of a schema with its dotted path, in the order of the schema. */
export function* leaves(schema: object, above = ''): Generator<[path: string, field: Field<unknown>]> {
  for (const [name, node] of Object.entries(schema)) {
    if (isField(node)) yield [above + name, node];
    else yield* leaves(node, `${above}${name}.`);
  }
}

export function isField(node: object): node is Field<unknown> {
  return 'zeroIsDefault' in node;
}

/**
 * The object that a schema describes: the value of each path where `values` has one, else the default. The values
 * come from the kinds of this very schema.
 */
export function filled<T>(schema: Schema<T>, values: ReadonlyMap<string, unknown>, above = ''): T {
  const entries = Object.entries<Field<unknown> | Schema<unknown>>(schema).map(([name, node]) => {
    const path = above + name;
    if (!isField(node)) return [name, filled(node, values, `${path}.`)];
    return [name, values.has(path) ? values.get(path) : node.default];
  });
  return Object.fromEntries(entries);
}

export function field<T>(kind: Kind<T>, value: T): Field<T> {
  return { kind, default: value, zeroIsDefault: false };
}

function unless0<T>(kind: Kind<T>, value: T): Field<T> {
  return { kind, default: value, zeroIsDefault: true };
}

function logOutput(): Schema<LogOutput> {
  return { splitStream: field(switchKind(), false), infoBufferSize: field(quantityKind(), 0) };
}

function schedulerKind(): Kind<string> {
  // The kernel keeps 16 bytes for the name.
  return checkedTextKind('name', 'the name of an IPVS scheduler, such as rr, wrr, lc or sh', (text) =>
    /^[a-z0-9_-]{1,15}$/.test(text) ? text : undefined,
  );
}

function hiddenMetricsVersionKind(): Kind<string> {
  const previous = `1.${KUBE_PROXY_MINOR - 1}`;
  return checkedTextKind('version', `${previous}, the previous minor version, or empty`, (text) =>
    text === '' || text === previous ? text : undefined,
  );
}
