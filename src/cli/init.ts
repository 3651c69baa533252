import { availableParallelism } from 'node:os';
import type { Settings } from '../config/settings.ts';
import { ConntrackTool } from '../dataplane/conntrack/tool.ts';
import { systemExec } from '../dataplane/exec.ts';
import { applyKernelSettings } from '../dataplane/kernel-settings.ts';
import { systemSysctl } from '../dataplane/sysctl.ts';
import { openLocalhost } from '../localhost-node-ports.ts';
import { createLogger } from '../log.ts';

/** Does what needs full privileges, so that the daemon can do with CAP_NET_ADMIN alone. */
export async function runInit(settings: Settings): Promise<number> {
  const logger = createLogger(settings);
  const { conntrack, oomScoreAdj, iptables } = settings.config;
  const { signal } = new AbortController();
  const done = await applyKernelSettings({
    conntrack,
    oomScoreAdj,
    cpus: availableParallelism(),
    sysctl: systemSysctl,
    logger,
    loadConntrack: () => new ConntrackTool(systemExec).load(signal),
  });
  if (settings.mode === 'iptables' && iptables.localhostNodePorts) openLocalhost(systemSysctl, logger);
  logger.info({ mode: settings.mode }, 'privileged set-up done');
  return done ? 0 : 1;
}
