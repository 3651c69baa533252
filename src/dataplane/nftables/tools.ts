import type { Family } from '../../../rules/model.ts';
import { TABLE } from '../../../rules/nftables/names.ts';
import { DataplaneError } from '../dataplane.ts';
import { type Exec, ExecError, type ExecOptions, type Execution } from '../exec.ts';
import { isAbsence, nftError, startError } from './errors.ts';
import type { NftSession } from './session.ts';
import { Turns } from './turns.ts';

export interface NftToolsOptions {
  readonly exec: Exec;
  /** @default 'nft' */
  readonly path?: string;
  /** The same for both families. */
  readonly turns?: Turns;
  /** Takes small transactions, if there is one. */
  readonly session?: NftSession;
}

/**
 * ms: a table of 10,000 Services takes 4.6 s, one twice as big four times as long. nft begins anew whenever somebody
 * has written meanwhile, into whatever table: beside a busy neighbour it never ends.
 */
const LIST_TIMEOUT_MS = 60_000;

/** What nft is asked about one family's table, and told to do with it. */
export class NftTools {
  readonly family: Family;
  /** As nft writes it: `ip kube-proxy`. */
  readonly table: string;
  readonly #exec: Exec;
  readonly #path: string;
  readonly #turns: Turns;
  readonly #session: NftSession | undefined;

  constructor(family: Family, { exec, path = 'nft', turns = new Turns(), session }: NftToolsOptions) {
    this.family = family;
    this.table = `${family === 'ipv6' ? 'ip6' : 'ip'} ${TABLE}`;
    this.#exec = exec;
    this.#path = path;
    this.#turns = turns;
    this.#session = session;
  }

  /** `nftables v1.0.6 (Lester Gooch #5)`. @throws DataplaneError */
  async version(signal: AbortSignal): Promise<string> {
    return (await this.#run(['--version'], { signal })).stdout.trim();
  }

  /**
   * Our table; the empty string where there is none.
   * @returns undefined where nft does not get it listed: it breaks over the table, as version 1.0.6 does over some,
   * or does not come to an end
   * @throws DataplaneError
   */
  async list(signal: AbortSignal): Promise<string | undefined> {
    const options = { signal, timeout: LIST_TIMEOUT_MS };
    return await this.#turns.read(async () => {
      for (let attempt = 0; attempt < 2; attempt++) {
        try {
          const args = ['-s', 'list', 'table', ...this.table.split(' ')];
          return (await this.#run(args, options)).stdout;
        } catch (error) {
          if (!(error instanceof DataplaneError)) throw error;
          if (isAbsence(error)) return '';
          const { code } = error.cause instanceof ExecError ? error.cause : {};
          if (code === 'timeout') return undefined;
          if (code !== 'killed') throw error;
        }
      }
      return undefined;
    });
  }

  /** Applies a transaction. @throws DataplaneError */
  async apply(payload: string, signal: AbortSignal): Promise<void> {
    await this.#turns.write(async () => {
      if (await this.#session?.apply(payload, signal)) return;
      await this.#run(['-f', '-'], { input: payload, signal });
    });
  }

  /** Has the kernel look at a transaction without applying it. @throws DataplaneError */
  async check(payload: string, signal: AbortSignal): Promise<void> {
    await this.#run(['-c', '-f', '-'], { input: payload, signal });
  }

  async #run(args: readonly string[], options: ExecOptions): Promise<Execution> {
    let execution: Execution;
    try {
      execution = await this.#exec.run(this.#path, args, options);
    } catch (error) {
      throw startError(error);
    }
    if (execution.exitCode === 0) return execution;
    throw nftError(execution, options.input);
  }
}
