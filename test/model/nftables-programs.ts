import { type Exec, ExecError, type ExecOptions, type Execution } from '../../src/dataplane/exec.ts';
import { NftError, type NftModel } from './nftables.ts';

const SAID: Readonly<Record<NftError['kind'], string>> = {
  missing: 'Could not process rule: No such file or directory',
  exists: 'Could not process rule: File exists',
  busy: 'Could not process rule: Device or resource busy',
  syntax: 'syntax error, unexpected string',
  refused: 'Could not process rule: Invalid argument',
};

/** nft in front of a model of the kernel: it takes the same arguments and complains in the same words (1.0.6). */
export class NftPrograms implements Exec {
  readonly #model: NftModel;
  readonly #failures: (Execution | ExecError)[] = [];
  /** What was given to `nft -f`, refused or not. */
  readonly payloads: string[] = [];
  /** How often a table was listed. */
  listings = 0;
  /** What becomes of a listing, where none succeeds; `endless`: it goes on until it is stopped. */
  unlistable: ExecError | 'endless' | undefined;
  /** What happens while a table is being listed. */
  duringListing: (() => void) | undefined;

  constructor(model: NftModel) {
    this.#model = model;
  }

  /** The next `nft -f` does nothing and ends like this. */
  failNext(failure: Pick<Execution, 'exitCode' | 'stderr'> | ExecError): void {
    this.#failures.push(failure instanceof ExecError ? failure : { stdout: '', ...failure });
  }

  run: Exec['run'] = async (program, args, { input = '', signal }: ExecOptions = {}) => {
    if (signal?.aborted) throw new ExecError('aborted', `${program}: stopped`);
    switch (args.join(' ').replace(/ ip6? \S+$/, '')) {
      case '--version':
        return { exitCode: 0, stdout: 'nftables v1.0.6 (Lester Gooch #5)\n', stderr: '' };
      case '-s list table':
        this.listings++;
        if (this.unlistable === 'endless') await stopped(program, signal);
        this.duringListing?.();
        if (signal?.aborted) throw new ExecError('aborted', `${program}: stopped`);
        return this.#list(args.slice(3).join(' '));
      case '-f -': {
        this.payloads.push(input);
        const failure = this.#failures.shift();
        if (failure instanceof ExecError) throw failure;
        return failure ?? told(input, () => this.#model.apply(input));
      }
      case '-c -f -':
        return told(input, () => this.#model.check(input));
      default:
        throw new ExecError('missing', `${program} ${args.join(' ')}: nobody knows this`);
    }
  };

  #list(table: string): Execution {
    if (this.unlistable instanceof ExecError) throw this.unlistable;
    const stdout = this.#model.list(table);
    if (stdout !== undefined) return { exitCode: 0, stdout, stderr: '' };
    return { exitCode: 1, stdout: '', stderr: `Error: No such file or directory\nlist table ${table}\n` };
  }
}

/** @throws ExecError as soon as the signal aborts */
function stopped(program: string, signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener('abort', () => reject(new ExecError('aborted', `${program}: stopped`)), {
      once: true,
    });
  });
}

function told(payload: string, work: () => void): Execution {
  try {
    work();
    return { exitCode: 0, stdout: '', stderr: '' };
  } catch (error) {
    if (!(error instanceof NftError)) throw error;
    const text = payload.split('\n')[error.line - 1] ?? '';
    const stderr = `/dev/stdin:${error.line}:1-${text.length}: Error: ${SAID[error.kind]}\n${text}\n^^^^\n`;
    return { exitCode: 1, stdout: '', stderr };
  }
}
