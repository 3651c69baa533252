import type { Capabilities } from '../../node-facts.ts';
import { DataplaneError, type Ledger } from '../dataplane.ts';
import { type Exec, ExecError } from '../exec.ts';
import type { IptablesTools } from './tools.ts';

/** The objects that rules count with, by kube-proxy's names; one set for both families. */
export const NFACCT_OBJECTS = ['ct_state_invalid_dropped_pkts', 'localhost_nps_accepted_pkts'] as const;

/**
 * Creates the nfacct objects where they are missing.
 * @returns false where the kernel or the tool does not know them.
 */
export async function ensureNfacctObjects(exec: Exec, signal: AbortSignal): Promise<boolean> {
  try {
    const { exitCode, stdout } = await exec.run('nfacct', ['list'], { signal });
    if (exitCode !== 0) return false;
    for (const name of NFACCT_OBJECTS) {
      if (stdout.includes(name)) continue;
      const added = await exec.run('nfacct', ['add', name], { signal });
      // Somebody else may have been faster.
      if (added.exitCode !== 0 && !/exists/i.test(added.stderr)) return false;
    }
    return true;
  } catch (error) {
    if (error instanceof ExecError && error.code === 'missing') return false;
    throw error;
  }
}

/**
 * What rules of this family can make use of. What a proxy has already programmed here is taken as proof, so that a
 * restart and a takeover write nothing; otherwise it is tried in a chain that nothing leads to.
 */
export async function probeCapabilities(
  tools: IptablesTools,
  ledger: Ledger,
  nfacctObjects: boolean,
  signal: AbortSignal,
): Promise<Capabilities> {
  const forward = ledger.get('filter:KUBE-FORWARD');
  const masquerade = ledger
    .get('nat:KUBE-POSTROUTING')
    ?.split('\n')
    // The one of ipvs mode for hairpin traffic has no ports to choose from.
    .find((rule) => rule.includes('-j MASQUERADE') && !rule.includes('--match-set'));
  const counts = forward?.includes('--ctstate INVALID') ? forward.includes('nfacct') : undefined;
  const random = masquerade?.includes('--random-fully');
  return {
    nfacct:
      nfacctObjects &&
      (counts ??
        (await works(tools, 'filter', `-m nfacct --nfacct-name ${NFACCT_OBJECTS[0]} -j RETURN`, signal))),
    randomFully: random ?? (await works(tools, 'nat', '-j MASQUERADE --random-fully', signal)),
  };
}

const PROBE_CHAIN = 'FAIRLEAD-PROBE';

async function works(
  tools: IptablesTools,
  table: string,
  rule: string,
  signal: AbortSignal,
): Promise<boolean> {
  const chain = `:${PROBE_CHAIN} - [0:0]`;
  try {
    await tools.restore(`*${table}\n${chain}\n-A ${PROBE_CHAIN} ${rule}\nCOMMIT\n`, signal);
    await tools.restore(`*${table}\n${chain}\n-X ${PROBE_CHAIN}\nCOMMIT\n`, signal);
    return true;
  } catch (error) {
    if (error instanceof DataplaneError && error.code !== 'aborted' && error.code !== 'missing') return false;
    throw error;
  }
}
