import { type Exec, ExecError, type ExecOptions, type Execution } from '../../src/dataplane/exec.ts';
import { type IptablesModel, RestoreError } from './iptables.ts';

/**
 * iptables-nft-save, -restore and the plain tool (or ip6tables-…) in front of a model of the kernel: they take the
 * same arguments and complain in the same words (1.8.9).
 */
export class IptablesPrograms implements Exec {
  readonly #model: IptablesModel;
  readonly #failures: Execution[] = [];
  readonly #namesLines: boolean;
  /** What was given to iptables-restore, refused or not. */
  readonly payloads: string[] = [];
  /** How often all rules were read. */
  saves = 0;

  /** @param options.namesLines false: the refused line is not told, as the legacy backend does not */
  constructor(model: IptablesModel, { namesLines = true } = {}) {
    this.#model = model;
    this.#namesLines = namesLines;
  }

  /** The next iptables-restore executes all but the last COMMIT, and then ends like this. */
  failNext(execution: Pick<Execution, 'exitCode' | 'stderr'>): void {
    this.#failures.push({ stdout: '', ...execution });
  }

  async run(program: string, args: readonly string[], options: ExecOptions = {}): Promise<Execution> {
    if (options.signal?.aborted) throw new ExecError('aborted', `${program}: stopped`);
    if (program.endsWith('-save')) {
      this.saves++;
      return { exitCode: 0, stdout: this.#model.save(), stderr: '' };
    }
    if (program.endsWith('-restore') && args.includes('--noflush')) {
      return this.#restore(program, options.input ?? '');
    }
    if (args.includes('-S')) return this.#list(program, args);
    throw new ExecError('missing', `${program} ${args.join(' ')}: not found in PATH`);
  }

  #restore(program: string, payload: string): Execution {
    this.payloads.push(payload);
    const failure = this.#failures.shift();
    const sections = payload.split(/(?<=^COMMIT\n)/m);
    try {
      this.#model.restore(failure ? sections.slice(0, -1).join('') : payload);
      return failure ?? { exitCode: 0, stdout: '', stderr: '' };
    } catch (error) {
      if (!(error instanceof RestoreError)) throw error;
      return { stdout: '', ...this.#complaint(program, error, payload.split('\n')) };
    }
  }

  #list(program: string, args: readonly string[]): Execution {
    const [table = '', chain = ''] = [args[args.indexOf('-t') + 1], args[args.indexOf('-S') + 1]];
    const rules = this.#model.tables.get(table)?.get(chain)?.rules;
    if (rules === undefined) {
      const stderr = `${program} v1.8.9 (nf_tables): chain \`${chain}' in table \`${table}' is incompatible, use 'nft' tool.\n`;
      return { exitCode: 1, stdout: '', stderr };
    }
    const lines = [`-N ${chain}`, ...rules.map((rule) => `-A ${chain} ${rule}`)];
    return { exitCode: 0, stdout: `${lines.join('\n')}\n`, stderr: '' };
  }

  #complaint(
    program: string,
    { kind, line, chain }: RestoreError,
    payload: readonly string[],
  ): Pick<Execution, 'exitCode' | 'stderr'> {
    const commit = payload.indexOf('COMMIT', line - 1) + 1;
    if (!this.#namesLines) return { exitCode: 1, stderr: `${program}: line ${commit} failed\n` };
    const head = `${program} v1.8.9 (nf_tables): `;
    switch (kind) {
      case 'no-such-rule':
        return failure(
          1,
          `${program}: line ${line} failed: Bad rule (does a matching rule exist in that chain?).`,
        );
      case 'no-such-chain':
        return failure(1, `${program}: line ${line} failed: No chain/target/match by that name.`);
      case 'no-such-position':
        return failure(1, `${program}: line ${line} failed: Index of insertion too big.`);
      case 'busy':
        return failure(
          4,
          `${head}\nline ${line}: CHAIN_DEL failed (Device or resource busy): chain ${chain}`,
        );
      case 'refused':
        return failure(
          4,
          `${head}\nline ${line}: RULE_APPEND failed (Invalid argument): rule in chain ${chain}`,
        );
      case 'no-such-target':
        // Found out at the end only, and told of that line.
        return failure(2, `${head}Chain 'KUBE-MISSING' does not exist\nError occurred at line: ${commit}`);
      case 'syntax':
        return failure(2, `${head}unknown option "--nonsense"\nError occurred at line: ${line}`);
    }
  }
}

function failure(exitCode: number, stderr: string): Pick<Execution, 'exitCode' | 'stderr'> {
  return { exitCode, stderr: `${stderr}\n` };
}
