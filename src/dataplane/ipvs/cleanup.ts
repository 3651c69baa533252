import { adopt } from '../../../rules/ipvs/adopt.ts';
import { serviceArguments, splitKey } from '../../../rules/ipvs/objects.ts';
import { setIds } from '../../../rules/ipvs/sets.ts';
import type { Cidr } from '../../../rules/model.ts';
import { FAMILIES } from '../../../rules/model.ts';
import { DataplaneError } from '../dataplane.ts';
import type { Exec } from '../exec.ts';
import { INTERFACE, IpvsTools } from './tools.ts';

/**
 * Removes a proxy's virtual servers (those on addresses of kube-ipvs0, and those that its ip sets know), kube-ipvs0
 * and the sets. Other people's virtual servers stay. No rule may look into the sets any more.
 * @param excluded networks in which only virtual servers that the sets know are removed
 * @returns whether there was anything. @throws DataplaneError
 */
export async function removeIpvs(
  exec: Exec,
  signal: AbortSignal,
  excluded: readonly Cidr[] = [],
): Promise<boolean> {
  const tools = new IpvsTools(exec);
  const addresses = await tools.addresses(signal);
  const sets = await ifPossible(tools.sets(signal), new Map());
  const names = FAMILIES.flatMap((family) => [...setIds(family).keys()]).filter((name) => sets.has(name));
  // Asking for virtual servers has the kernel load ip_vs: not on nodes that never had this mode.
  if (addresses === undefined && names.length === 0) return false;

  const virtuals = await ifPossible(tools.virtuals(signal), []);
  const saved = { virtuals, sets, addresses: addresses ?? [], tables: [] };
  const deletions = FAMILIES.flatMap((family) => [...adopt(saved, family, excluded).keys()])
    .map(splitKey)
    .filter(({ kind }) => kind === 'virtual')
    .map(({ rest }) => `-D ${serviceArguments(rest)}\n`);
  if (deletions.length > 0) await tools.restore('ipvsadm', deletions.join(''), signal);
  if (addresses !== undefined) await tools.run('ip', ['link', 'delete', INTERFACE], signal);
  if (names.length > 0) {
    await tools.restore('ipset', names.map((name) => `destroy ${name}\n`).join(''), signal);
  }
  return true;
}

/** What a missing tool or module could show is not there. */
async function ifPossible<T>(work: Promise<T>, otherwise: T): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof DataplaneError) || error.code === 'aborted') throw error;
    return otherwise;
  }
}
