import { parseAddress } from '../../rules/address.ts';
import type { Address } from '../../rules/model.ts';
import { asList, asObject } from '../tracker/fields.ts';
import { DataplaneError } from './dataplane.ts';
import type { Exec } from './exec.ts';

/** The interface that carries Service addresses in ipvs mode: they are not the node's own. */
const IPVS_INTERFACE = 'kube-ipvs0';

/**
 * All addresses on this node's interfaces, of both families.
 * @throws DataplaneError, ExecError
 */
export async function readLocalAddresses(exec: Exec, signal: AbortSignal): Promise<readonly Address[]> {
  const { exitCode, stdout, stderr } = await exec.run('ip', ['-j', 'address', 'show'], { signal });
  if (exitCode !== 0) throw new DataplaneError('environment', `ip -j address show: ${stderr.trim()}`);
  const found: Address[] = [];
  for (const link of asList(JSON.parse(stdout)) ?? []) {
    const { ifname, addr_info } = asObject(link) ?? {};
    if (ifname === IPVS_INTERFACE) continue;
    for (const info of asList(addr_info) ?? []) {
      const { local } = asObject(info) ?? {};
      const address = typeof local === 'string' ? parseAddress(local) : undefined;
      if (address) found.push(address);
    }
  }
  return found;
}
