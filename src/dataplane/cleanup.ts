import type { CleanupMode } from '../../rules/iptables/cleanup.ts';
import { planCleanup } from '../../rules/iptables/cleanup.ts';
import { FAMILIES } from '../../rules/model.ts';
import type { Mode } from '../config/settings.ts';
import type { Logger } from '../log.ts';
import { DataplaneError } from './dataplane.ts';
import { type Exec, ExecError } from './exec.ts';
import { NFACCT_OBJECTS } from './iptables/capabilities.ts';
import { IptablesTools } from './iptables/tools.ts';
import { removeIpvs } from './ipvs/cleanup.ts';
import { removeNftables } from './nftables/cleanup.ts';

/**
 * Removes what modes have programmed on this node, in both families and both iptables backends. What is not there,
 * or cannot be looked at because its tool is missing, is left out.
 * @param keep the mode in use: what it shares with others stays
 * @returns what could not be removed, a line for each
 */
export async function cleanUp(
  exec: Exec,
  logger: Logger,
  signal: AbortSignal,
  keep?: Mode,
): Promise<readonly string[]> {
  const failures: string[] = [];
  const step = async (what: string, work: () => Promise<boolean>): Promise<void> => {
    try {
      if (await work()) logger.info({}, `removed: ${what}`);
    } catch (error) {
      if (error instanceof DataplaneError && error.code === 'missing') return;
      if (error instanceof ExecError && error.code === 'missing') return;
      if (!(error instanceof DataplaneError || error instanceof ExecError)) throw error;
      failures.push(`${what}: ${error.message}`);
    }
  };
  const modes = (['iptables', 'ipvs'] as const).filter((mode) => mode !== keep);
  for (const backend of ['nft', 'legacy'] as const) {
    for (const family of FAMILIES) {
      const tools = new IptablesTools(family, backend, exec);
      await step(`iptables rules (${backend}, ${family})`, () => removeRules(tools, modes, keep, signal));
    }
  }
  if (keep !== 'ipvs') await step('virtual servers, ip sets and kube-ipvs0', () => removeIpvs(exec, signal));
  if (keep !== 'nftables') await step('nftables tables', () => removeNftables(exec, signal));
  if (keep !== 'iptables') await step('nfacct objects', () => removeNfacctObjects(exec, signal));
  return failures;
}

async function removeRules(
  tools: IptablesTools,
  modes: readonly CleanupMode[],
  keep: Mode | undefined,
  signal: AbortSignal,
): Promise<boolean> {
  const payloads = planCleanup(await tools.save(signal), modes, keep === 'nftables' ? undefined : keep);
  if (payloads.length > 0) await tools.restore(payloads.join(''), signal);
  return payloads.length > 0;
}

async function removeNfacctObjects(exec: Exec, signal: AbortSignal): Promise<boolean> {
  const { stdout } = await exec.run('nfacct', ['list'], { signal });
  const ours = NFACCT_OBJECTS.filter((name) => stdout.includes(name));
  for (const name of ours) {
    const { exitCode, stderr } = await exec.run('nfacct', ['delete', name], { signal });
    if (exitCode !== 0) throw new DataplaneError('refused', `nfacct delete ${name}: ${stderr.trim()}`);
  }
  return ours.length > 0;
}
