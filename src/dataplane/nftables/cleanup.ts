import { DataplaneError } from '../dataplane.ts';
import type { Exec } from '../exec.ts';

const TABLES = ['ip kube-proxy', 'ip6 kube-proxy'] as const;

/** Deletes our tables. @returns whether there were any. @throws DataplaneError, ExecError */
export async function removeNftables(exec: Exec, signal: AbortSignal): Promise<boolean> {
  const { stdout } = await exec.run('nft', ['list', 'tables'], { signal });
  const ours = TABLES.filter((table) => stdout.split('\n').includes(`table ${table}`));
  if (ours.length === 0) return false;
  const input = ours.map((table) => `delete table ${table}\n`).join('');
  const { exitCode, stderr } = await exec.run('nft', ['-f', '-'], { input, signal });
  if (exitCode !== 0) throw new DataplaneError('refused', `nft: ${stderr.trim()}`);
  return true;
}
