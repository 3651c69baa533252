import type { Logger } from '../cluster/observer.ts';
import type { Conntrack } from '../config/settings.ts';
import { ensureSysctl, ensureSysctlAtLeast, type Sysctl, type SysctlOutcome } from './sysctl.ts';

/** A kernel setting as it should be. */
export interface KernelSetting {
  /** As `Sysctl` has it. */
  readonly path: string;
  readonly value: number;
  /** A higher value, set by somebody who knows the machine, stays. */
  readonly atLeast: boolean;
}

export interface KernelSettingsOptions {
  readonly conntrack: Conntrack;
  /** -1000 to 1000: the lower, the later the kernel kills this process when memory runs out. */
  readonly oomScoreAdj: number;
  /** CPUs of the machine, whatever this process may use of them. */
  readonly cpus: number;
  readonly sysctl: Sysctl;
  readonly logger: Logger;
  /** Has the kernel load what tracks connections; called where it has no settings for that yet. */
  readonly loadConntrack: () => Promise<void>;
}

/**
 * Sets what the node's kernel should have for connection tracking, and how dear this process is to it. Whatever
 * cannot be set is told in one line each, and nothing else depends on it.
 * @returns whether the kernel has it all
 */
export async function applyKernelSettings(options: KernelSettingsOptions): Promise<boolean> {
  const { conntrack, oomScoreAdj, cpus, sysctl, logger, loadConntrack } = options;
  const wishes = conntrackSettings(conntrack, cpus);
  if (wishes.length > 0 && sysctl.read(CONNTRACK_MAX) === undefined) {
    await loadConntrack().catch((error: unknown) => {
      logger.debug({}, `connection tracking could not be loaded: ${String(error)}`);
    });
  }
  const all = [...wishes, { path: OOM_SCORE_ADJ, value: oomScoreAdj, atLeast: false }];
  const set: Record<string, number> = {};
  let complete = true;
  for (const setting of all) {
    const outcome = ensure(setting, sysctl);
    if (outcome === 'set') set[setting.path] = setting.value;
    if (typeof outcome !== 'object') continue;
    complete = false;
    logger.warn({}, `kernel setting ${outcome.failed}`);
  }
  if (Object.keys(set).length > 0) logger.info(set, 'kernel settings written');
  return complete;
}

const CONNTRACK_MAX = 'net/netfilter/nf_conntrack_max';
const OOM_SCORE_ADJ = '/proc/self/oom_score_adj';
/** Where kube-proxy ends scaling with CPUs, whatever the minimum. */
const MAX_SCALED = 1024 * 1024;
/** Connections for each bucket of the hash table, as kube-proxy has it. */
const CONNECTIONS_PER_BUCKET = 4;

/** What kube-proxy 1.36 sets; a higher limit stays, as in later versions. Zeros leave the kernel's values. */
export function conntrackSettings(conntrack: Conntrack, cpus: number): readonly KernelSetting[] {
  const settings: KernelSetting[] = [];
  const exactly = (name: string, value: number): void => {
    settings.push({ path: `net/netfilter/nf_conntrack_${name}`, value, atLeast: false });
  };
  const timeout = (name: string, ms: number): void => {
    // The kernel counts seconds, and takes 0 for none at all.
    if (ms > 0) exactly(name, Math.max(1, Math.floor(ms / 1000)));
  };
  const max = conntrackMax(conntrack, cpus);
  if (max > 0) {
    const buckets = Math.floor(max / CONNECTIONS_PER_BUCKET);
    settings.push({ path: CONNTRACK_MAX, value: max, atLeast: true });
    settings.push({ path: '/sys/module/nf_conntrack/parameters/hashsize', value: buckets, atLeast: true });
  }
  timeout('tcp_timeout_established', conntrack.tcpEstablishedTimeout);
  timeout('tcp_timeout_close_wait', conntrack.tcpCloseWaitTimeout);
  if (conntrack.tcpBeLiberal) exactly('tcp_be_liberal', 1);
  timeout('udp_timeout', conntrack.udpTimeout);
  timeout('udp_timeout_stream', conntrack.udpStreamTimeout);
  return settings;
}

function conntrackMax({ maxPerCore, min }: Conntrack, cpus: number): number {
  if (maxPerCore === 0) return 0;
  const scaled = maxPerCore * cpus;
  return scaled > MAX_SCALED ? MAX_SCALED : Math.max(scaled, min);
}

function ensure({ path, value, atLeast }: KernelSetting, sysctl: Sysctl): SysctlOutcome {
  // No limit at all is the highest one.
  if (path === CONNTRACK_MAX && sysctl.read(path) === '0') return 'unchanged';
  return atLeast ? ensureSysctlAtLeast(sysctl, path, value) : ensureSysctl(sysctl, path, String(value));
}
