import type { IpvsConfiguration } from '../../config/settings.ts';
import type { Logger } from '../../log.ts';
import { DataplaneError } from '../dataplane.ts';
import { ensureSysctl, type Sysctl } from '../sysctl.ts';
import { INTERFACE, type IpvsTools } from './tools.ts';

export interface HostOptions {
  readonly tools: IpvsTools;
  readonly config: IpvsConfiguration;
  readonly sysctl: Sysctl;
  readonly logger: Logger;
  /** As os.release() has it. */
  readonly kernelRelease: string;
}

/**
 * Sees to what both IP families need: the kernel's modules, kube-ipvs0, kernel settings and timeouts.
 * @throws DataplaneError that names what is missing, and what to do instead
 */
export async function prepareHost(options: HostOptions, signal: AbortSignal): Promise<void> {
  const { tools, config } = options;
  // Nothing is listed here: a node may have tens of thousands of lines.
  await need('ip_vs', 'ipvsadm', () => tools.run('ipvsadm', ['-L', '--timeout'], signal));
  await need(`ip_vs_${config.scheduler}`, 'ipvsadm', () => probeScheduler(tools, config.scheduler, signal));
  await need('ip_set', 'ipset', () => tools.run('ipset', ['list', '-n'], signal));
  await need('dummy', 'ip', async () => {
    if (await tools.succeeds('ip', ['link', 'show', 'dev', INTERFACE], signal)) return;
    await tools.run('ip', ['link', 'add', INTERFACE, 'type', 'dummy'], signal);
  });
  applySysctls(options);
  await applyTimeouts(options, signal);
}

const INSTEAD = 'or use --proxy-mode=iptables or --proxy-mode=nftables, which do without';

async function need(module: string, tool: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof DataplaneError) || !['missing', 'environment', 'refused'].includes(error.code)) {
      throw error;
    }
    const message =
      error.code === 'missing'
        ? `ipvs mode needs the program ${tool}: install it, ${INSTEAD} (${error.message})`
        : `ipvs mode needs the kernel module ${module}: load it (modprobe ${module}), ${INSTEAD} (${error.message})`;
    throw new DataplaneError(error.code === 'missing' ? 'missing' : 'environment', message, { cause: error });
  }
}

/** Known by a firewall mark that no packet has: nothing is ever sent to it. */
const PROBE = ['-f', '4294967295'];

/** The kernel loads schedulers when they are asked for. */
async function probeScheduler(tools: IpvsTools, scheduler: string, signal: AbortSignal): Promise<void> {
  try {
    await tools.run('ipvsadm', ['-A', ...PROBE, '-s', scheduler], signal);
  } catch (error) {
    // Left by one that was killed right here: it shall have this scheduler all the same.
    if (!(error instanceof DataplaneError) || error.code !== 'drift') throw error;
    await tools.run('ipvsadm', ['-E', ...PROBE, '-s', scheduler], signal);
  }
  await tools.run('ipvsadm', ['-D', ...PROBE], signal);
}

function applySysctls({ config, sysctl, logger, kernelRelease }: HostOptions): void {
  const wishes: [string, string][] = [
    // Without it, replies of masqueraded connections are not recognised.
    ['net/ipv4/vs/conntrack', '1'],
    ['net/ipv4/vs/expire_nodest_conn', '1'],
    ['net/ipv4/vs/expire_quiescent_template', '1'],
    ['net/ipv4/ip_forward', '1'],
  ];
  const reuse = connReuseMode(kernelRelease);
  if (reuse !== undefined) wishes.push(['net/ipv4/vs/conn_reuse_mode', reuse]);
  if (config.strictARP) {
    wishes.push(['net/ipv4/conf/all/arp_ignore', '1'], ['net/ipv4/conf/all/arp_announce', '2']);
  }
  const set: Record<string, string> = {};
  for (const [path, value] of wishes) {
    const outcome = ensureSysctl(sysctl, path, value);
    if (outcome === 'set') set[path] = value;
    if (typeof outcome === 'object') logger.warn({}, `kernel setting ${outcome.failed}`);
  }
  if (Object.keys(set).length > 0) logger.info(set, 'kernel settings for ipvs mode written');
}

/**
 * Reusing the ports of connections that have just ended went to servers that were gone (0 since Linux 4.1), or took a
 * second each (until Linux 5.9 mended it): see kubernetes/kubernetes#81775 and #93297.
 * @returns what to set; undefined: the kernel's own value is right
 */
export function connReuseMode(kernelRelease: string): string | undefined {
  const [major = 0, minor = 0] = kernelRelease.split('.').map((part) => Number.parseInt(part, 10));
  const version = major * 1000 + minor;
  return version >= 4001 && version < 5009 ? '0' : undefined;
}

/** Seconds, as ipvsadm has them; zero leaves the kernel's value. */
async function applyTimeouts({ tools, config }: HostOptions, signal: AbortSignal): Promise<void> {
  const wanted = [config.tcpTimeout, config.tcpFinTimeout, config.udpTimeout].map((ms) =>
    Math.ceil(ms / 1000),
  );
  if (wanted.every((seconds) => seconds === 0)) return;
  const { stdout } = await tools.run('ipvsadm', ['-L', '--timeout'], signal);
  const current = (/: (\d+) (\d+) (\d+)/.exec(stdout) ?? []).slice(1).map(Number);
  if (wanted.every((seconds, i) => seconds === 0 || seconds === current[i])) return;
  await tools.run('ipvsadm', ['--set', ...wanted.map(String)], signal);
}
