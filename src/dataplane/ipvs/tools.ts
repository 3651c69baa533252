import type { SavedSet, SavedVirtual } from '../../../rules/ipvs/saved.ts';
import { parseAddresses, parseIpset, parseIpvsadm } from '../../../rules/ipvs/saved.ts';
import type { Address } from '../../../rules/model.ts';
import type { Exec, Execution } from '../exec.ts';
import { startError } from '../iptables/errors.ts';
import { toolError } from './errors.ts';

/** The interface that carries the addresses of Services. */
export const INTERFACE = 'kube-ipvs0';

/** Connections that a real server has. */
export interface Connections {
  /** `ADDRESS:PORT`. */
  readonly server: string;
  readonly active: number;
  readonly inactive: number;
}

/** ipvsadm, ipset and ip, which know both IP families. */
export class IpvsTools {
  readonly #exec: Exec;

  constructor(exec: Exec) {
    this.#exec = exec;
  }

  /** @throws DataplaneError */
  async virtuals(signal: AbortSignal): Promise<readonly SavedVirtual[]> {
    return parseIpvsadm((await this.run('ipvsadm', ['-Sn'], signal)).stdout);
  }

  /** @throws DataplaneError */
  async sets(signal: AbortSignal): Promise<ReadonlyMap<string, SavedSet>> {
    return parseIpset((await this.run('ipset', ['save'], signal)).stdout);
  }

  /** Those of kube-ipvs0; undefined where there is no such interface. @throws DataplaneError */
  async addresses(signal: AbortSignal): Promise<readonly Address[] | undefined> {
    const { exitCode, stdout } = await this.#start('ip', ['-j', 'address', 'show', 'dev', INTERFACE], signal);
    return exitCode === 0 ? parseAddresses(stdout) : undefined;
  }

  /**
   * Connections of the real servers of one virtual server (as ipvsadm takes it: `-t 10.96.0.1:443`); undefined where
   * it is gone. @throws DataplaneError
   */
  async connections(service: string, signal: AbortSignal): Promise<readonly Connections[] | undefined> {
    const args = ['-L', '-n', '--exact', ...service.split(' ')];
    const { exitCode, stdout } = await this.#start('ipvsadm', args, signal);
    if (exitCode !== 0) return undefined;
    return [...stdout.matchAll(/^\s*-> (\S+:\d+)\s+\S+\s+\d+\s+(\d+)\s+(\d+)\s*$/gm)].map(
      ([, server = '', active, inactive]) => ({
        server,
        active: Number(active),
        inactive: Number(inactive),
      }),
    );
  }

  /** Whether it ends well. @throws DataplaneError where it does not start */
  async succeeds(program: string, args: readonly string[], signal: AbortSignal): Promise<boolean> {
    return (await this.#start(program, args, signal)).exitCode === 0;
  }

  /** @throws DataplaneError */
  async restore(tool: 'ipset' | 'ip' | 'ipvsadm', payload: string, signal: AbortSignal): Promise<void> {
    await this.run(tool, RESTORE[tool], signal, payload);
  }

  /** @throws DataplaneError where it does not succeed */
  async run(
    program: string,
    args: readonly string[],
    signal: AbortSignal,
    input?: string,
  ): Promise<Execution> {
    const execution = await this.#start(program, args, signal, input);
    const complains = program === 'ipvsadm' && execution.stderr.trim() !== '';
    if (execution.exitCode === 0 && !complains) return execution;
    throw toolError(program, execution, input);
  }

  async #start(
    program: string,
    args: readonly string[],
    signal: AbortSignal,
    input?: string,
  ): Promise<Execution> {
    try {
      return await this.#exec.run(program, args, { signal, ...(input === undefined ? {} : { input }) });
    } catch (error) {
      throw startError(error);
    }
  }
}

const RESTORE = {
  // What is there already, or gone already, is as good.
  ipset: ['restore', '-exist'],
  ip: ['-batch', '-'],
  ipvsadm: ['--restore'],
} as const;
