import { parseSave, type SavedTable } from '../../../rules/iptables/save.ts';
import { FAMILIES, type Family } from '../../../rules/model.ts';
import { DataplaneError } from '../dataplane.ts';
import type { Exec, ExecOptions, Execution } from '../exec.ts';
import { iptablesError, startError } from './errors.ts';
import type { RestoreSession } from './session.ts';

export type Backend = 'nft' | 'legacy';

/** Seconds for which a legacy tool waits for the xtables lock before the reconciler tries again. */
const LOCK_SECONDS = 5;

/** Without `-save` or `-restore`. */
export function iptablesName(family: Family, backend: Backend): string {
  return `${family === 'ipv6' ? 'ip6tables' : 'iptables'}-${backend}`;
}

/** iptables-save, -restore and the plain tool of one family and backend. */
export class IptablesTools {
  readonly family: Family;
  readonly backend: Backend;
  readonly #exec: Exec;
  readonly #name: string;
  readonly #session: RestoreSession | undefined;

  /** @param session takes small payloads, if there is one */
  constructor(family: Family, backend: Backend, exec: Exec, session?: RestoreSession) {
    this.family = family;
    this.backend = backend;
    this.#exec = exec;
    this.#name = iptablesName(family, backend);
    this.#session = session;
  }

  /** All tables, or one. @throws DataplaneError */
  async save(signal: AbortSignal, table?: string): Promise<SavedTable[]> {
    if (table !== undefined && this.backend === 'nft') return await this.#listTable(table, signal);
    const { stdout } = await this.#run('-save', table === undefined ? [] : ['-t', table], { signal });
    return parseSave(stdout);
  }

  /** What iptables-nft-save would print of a table; but that reads all other tables first. */
  async #listTable(table: string, signal: AbortSignal): Promise<SavedTable[]> {
    const { stdout } = await this.#run('', ['-w', String(LOCK_SECONDS), '-t', table, '-S'], { signal });
    const chains = stdout.replace(/^-P (\S+ \S+)$/gm, ':$1').replace(/^-N (\S+)$/gm, ':$1 -');
    return parseSave(`*${table}\n${chains}`);
  }

  /** The rules of one chain; undefined where there is no such chain. @throws DataplaneError */
  async listChain(table: string, chain: string, signal: AbortSignal): Promise<readonly string[] | undefined> {
    const listing = await this.chainListing(table, chain, signal);
    return listing === undefined ? undefined : rulesOf(listing, chain);
  }

  /** What the tool prints of one chain; undefined where there is no such chain. @throws DataplaneError */
  async chainListing(table: string, chain: string, signal: AbortSignal): Promise<string | undefined> {
    try {
      const args = ['-w', String(LOCK_SECONDS), '-t', table, '-S', chain];
      return (await this.#run('', args, { signal })).stdout;
    } catch (error) {
      if (error instanceof DataplaneError && error.code === 'drift') return undefined;
      throw error;
    }
  }

  /** Applies a payload of one COMMIT or more, leaving everything else as it is. @throws DataplaneError */
  async restore(payload: string, signal: AbortSignal): Promise<void> {
    const start = async (): Promise<void> => {
      await this.#run('-restore', ['--noflush', '-w', String(LOCK_SECONDS)], { input: payload, signal });
    };
    await (this.#session ? this.#session.apply(payload, signal, start) : start());
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

/** The rules in what the tool prints of a chain. */
export function rulesOf(listing: string, chain: string): readonly string[] {
  const prefix = `-A ${chain} `;
  return listing
    .split('\n')
    .filter((line) => line.startsWith(prefix))
    .map((line) => line.slice(prefix.length));
}

/**
 * The backend that this node's other tools use, as the distributions' iptables-wrappers find it: the one in which
 * the kubelet left its hint, then the one that a proxy has programmed already, then the one with more rules, then
 * nft.
 */
export async function detectBackend(exec: Exec, signal: AbortSignal): Promise<Backend> {
  // Reading a table of the legacy backend by name would create it.
  const [nft, legacy] = await Promise.all([
    traces('nft', exec, signal, 'mangle'),
    traces('legacy', exec, signal),
  ]);
  for (const sign of ['kubelet', 'proxy'] as const) {
    if (nft[sign]) return 'nft';
    if (legacy[sign]) return 'legacy';
  }
  if (nft.missing && !legacy.missing) return 'legacy';
  if (legacy.rules === 0) return 'nft';
  return legacy.rules > (await traces('nft', exec, signal)).rules ? 'legacy' : 'nft';
}

interface Traces {
  /** The kubelet's hint chains are there. */
  kubelet: boolean;
  /** A proxy's canary is there. */
  proxy: boolean;
  rules: number;
  /** Neither family's tool works. */
  missing: boolean;
}

async function traces(backend: Backend, exec: Exec, signal: AbortSignal, table?: string): Promise<Traces> {
  const found: Traces = { kubelet: false, proxy: false, rules: 0, missing: true };
  for (const family of FAMILIES) {
    try {
      for (const saved of await new IptablesTools(family, backend, exec).save(signal, table)) {
        const isMangle = saved.table === 'mangle';
        for (const [name, { rules }] of saved.chains) {
          found.kubelet ||= isMangle && (name === 'KUBE-IPTABLES-HINT' || name === 'KUBE-KUBELET-CANARY');
          found.proxy ||= isMangle && name === 'KUBE-PROXY-CANARY';
          found.rules += rules.length;
        }
      }
      found.missing = false;
    } catch (error) {
      if (!(error instanceof DataplaneError) || error.code === 'aborted') throw error;
    }
  }
  return found;
}
