import { parseSave, type SavedTable } from '../../../rules/iptables/save.ts';
import type { Family } from '../../../rules/model.ts';
import { DataplaneError } from '../dataplane.ts';
import type { Exec, ExecOptions, Execution } from '../exec.ts';
import { iptablesError, startError } from './errors.ts';

export type Backend = 'nft' | 'legacy';

/** Seconds for which a legacy tool waits for the xtables lock before the reconciler tries again. */
const LOCK_SECONDS = 5;

/** iptables-save, -restore and the plain tool of one family and backend. */
export class IptablesTools {
  readonly family: Family;
  readonly backend: Backend;
  readonly #exec: Exec;
  readonly #name: string;

  constructor(family: Family, backend: Backend, exec: Exec) {
    this.family = family;
    this.backend = backend;
    this.#exec = exec;
    this.#name = `${family === 'ipv6' ? 'ip6tables' : 'iptables'}-${backend}`;
  }

  /** All tables, or one. @throws DataplaneError */
  async save(signal: AbortSignal, table?: string): Promise<SavedTable[]> {
    const { stdout } = await this.#run('-save', table === undefined ? [] : ['-t', table], { signal });
    return parseSave(stdout);
  }

  /** Applies a payload of one COMMIT or more, leaving everything else as it is. @throws DataplaneError */
  async restore(payload: string, signal: AbortSignal): Promise<void> {
    await this.#run('-restore', ['--noflush', '-w', String(LOCK_SECONDS)], { input: payload, signal });
  }

  async #run(suffix: string, args: readonly string[], options: ExecOptions): Promise<Execution> {
    const program = `${this.#name}${suffix}`;
    let execution: Execution;
    try {
      execution = await this.#exec.run(program, args, options);
    } catch (error) {
      throw startError(error);
    }
    if (execution.exitCode === 0) return execution;
    throw iptablesError(program, execution, options.input);
  }
}

/**
 * The backend that this node's other tools use, as the distributions' iptables-wrappers find it: the one in which
 * the kubelet left its hint, else the one with more rules, else nft.
 */
export async function detectBackend(exec: Exec, signal: AbortSignal): Promise<Backend> {
  const found = await Promise.all(
    (['nft', 'legacy'] as const).map(async (backend) => ({
      backend,
      ...(await traces(backend, exec, signal)),
    })),
  );
  const hinted = found.find(({ hint }) => hint);
  if (hinted) return hinted.backend;
  const [nft, legacy] = found;
  return (legacy?.rules ?? 0) > (nft?.rules ?? 0) || (nft?.missing && !legacy?.missing) ? 'legacy' : 'nft';
}

async function traces(
  backend: Backend,
  exec: Exec,
  signal: AbortSignal,
): Promise<{ hint: boolean; rules: number; missing: boolean }> {
  let hint = false;
  let rules = 0;
  let missing = true;
  for (const family of ['ipv4', 'ipv6'] as const) {
    try {
      for (const { table, chains } of await new IptablesTools(family, backend, exec).save(signal)) {
        for (const [name, chain] of chains) {
          hint ||= table === 'mangle' && (name === 'KUBE-IPTABLES-HINT' || name === 'KUBE-KUBELET-CANARY');
          rules += chain.rules.length;
        }
      }
      missing = false;
    } catch (error) {
      if (!(error instanceof DataplaneError) || error.code === 'aborted') throw error;
    }
  }
  return { hint, rules, missing };
}
