import { TABLE } from '../../../rules/nftables/names.ts';
import type { Exec } from '../exec.ts';
import { isAbsence, nftError } from './errors.ts';

const IPS = ['ip', 'ip6'] as const;

/**
 * Deletes our tables, by name: nft reads all rules of all tables before it lists a single one.
 * @returns whether there were any
 * @throws DataplaneError, ExecError
 */
export async function removeNftables(exec: Exec, signal: AbortSignal, path: string): Promise<boolean> {
  let found = false;
  for (const ip of IPS) {
    const execution = await exec.run(path, ['delete', 'table', ip, TABLE], { signal });
    if (execution.exitCode === 0) {
      found = true;
      continue;
    }
    const error = nftError(execution);
    if (!isAbsence(error)) throw error;
  }
  return found;
}

/** Whether there are tables of ours, at the cost of removing none. @throws ExecError */
export async function hasNftables(exec: Exec, signal: AbortSignal, path: string): Promise<boolean> {
  for (const ip of IPS) {
    const { exitCode } = await exec.run(path, ['-c', 'delete', 'table', ip, TABLE], { signal });
    if (exitCode === 0) return true;
  }
  return false;
}
