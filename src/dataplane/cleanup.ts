import type { CleanupMode } from '../../rules/iptables/cleanup.ts';
import { planCleanup } from '../../rules/iptables/cleanup.ts';
import { type Cidr, FAMILIES } from '../../rules/model.ts';
import type { Mode } from '../config/settings.ts';
import type { Logger } from '../log.ts';
import { DataplaneError } from './dataplane.ts';
import { type Exec, ExecError } from './exec.ts';
import { NFACCT_OBJECTS } from './iptables/capabilities.ts';
import { IptablesTools } from './iptables/tools.ts';
import { removeIpvs } from './ipvs/cleanup.ts';
import { hasNftables, removeNftables } from './nftables/cleanup.ts';

const MODES: readonly Mode[] = ['iptables', 'ipvs', 'nftables'];

export interface CleanupOptions {
  readonly exec: Exec;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** The mode in use: what it shares with others stays. Absent: everything goes. */
  readonly keep?: Mode;
  /** ipvs.excludeCIDRs: virtual servers in there are other people's. */
  readonly excludeCIDRs: readonly Cidr[];
  /** The nft executable. */
  readonly nft: string;
}

/**
 * Removes what modes have programmed on this node, in both families and both iptables backends. What is not there,
 * or cannot be looked at because its tool is missing, is left out.
 * @param modes @default all but the one in use
 * @returns what could not be removed, a line for each
 */
export async function cleanUp(
  { exec, logger, signal, keep, excludeCIDRs, nft }: CleanupOptions,
  modes: readonly Mode[] = MODES.filter((mode) => mode !== keep),
): Promise<readonly string[]> {
  const failures: string[] = [];
  const step = async (what: string, work: () => Promise<boolean>): Promise<void> => {
    try {
      if (await work()) logger.info({}, `removed: ${what}`);
    } catch (error) {
      if (!(error instanceof DataplaneError || error instanceof ExecError)) throw error;
      if (error.code !== 'missing') failures.push(`${what}: ${error.message}`);
    }
  };
  const withRules = modes.filter((mode) => mode !== 'nftables');
  for (const backend of withRules.length > 0 ? (['nft', 'legacy'] as const) : []) {
    for (const family of FAMILIES) {
      const tools = new IptablesTools(family, backend, exec);
      await step(`iptables rules (${backend}, ${family})`, () => removeRules(tools, withRules, keep, signal));
    }
  }
  if (modes.includes('ipvs'))
    await step('virtual servers, ip sets, kube-ipvs0', () => removeIpvs(exec, signal, excludeCIDRs));
  if (modes.includes('nftables')) await step('nftables tables', () => removeNftables(exec, signal, nft));
  if (modes.includes('iptables')) await step('nfacct objects', () => removeNfacctObjects(exec, signal));
  return failures;
}

/** The modes that have left something on this node, but for the one in use: a cheap look. */
export async function findLeftovers({
  exec,
  signal,
  keep,
  nft,
}: Pick<CleanupOptions, 'exec' | 'signal' | 'keep' | 'nft'>): Promise<readonly Mode[]> {
  const found = await Promise.all(
    MODES.filter((mode) => mode !== keep).map(async (mode) => {
      try {
        return (await TRACES[mode](exec, signal, nft)) ? mode : undefined;
      } catch (error) {
        if (error instanceof DataplaneError || error instanceof ExecError) return undefined;
        throw error;
      }
    }),
  );
  return found.filter((mode) => mode !== undefined);
}

const TRACES: Readonly<Record<Mode, (exec: Exec, signal: AbortSignal, nft: string) => Promise<boolean>>> = {
  iptables: async (exec, signal) => {
    // Naming a table of the legacy backend would create it.
    const nft = await new IptablesTools('ipv4', 'nft', exec).save(signal, 'mangle');
    const legacy = await new IptablesTools('ipv4', 'legacy', exec).save(signal).catch(() => []);
    return [...nft, ...legacy].some(
      ({ table, chains }) => table === 'mangle' && chains.has('KUBE-PROXY-CANARY'),
    );
  },
  ipvs: async (exec, signal) => {
    const { exitCode } = await exec.run('ip', ['link', 'show', 'kube-ipvs0'], { signal });
    return exitCode === 0;
  },
  nftables: hasNftables,
};

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
