import { execa } from 'execa';

/** The outcome of a program that ran to its end. */
export interface Execution {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ExecOptions {
  /** Given to its standard input. */
  readonly input?: string;
  readonly signal?: AbortSignal;
  /** ms after which it is killed. @default 120000 */
  readonly timeout?: number;
}

/** Starts programs. The only way in which Fairlead does, and never by a shell. */
export interface Exec {
  /**
   * Resolves whatever the exit code.
   * @throws ExecError where the program could not be started, was killed, or took too long
   */
  run(program: string, args: readonly string[], options?: ExecOptions): Promise<Execution>;
}

export type ExecErrorCode = 'missing' | 'timeout' | 'aborted' | 'killed';

export class ExecError extends Error {
  override readonly name = 'ExecError';
  readonly code: ExecErrorCode;

  constructor(code: ExecErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

const DEFAULT_TIMEOUT_MS = 120_000;

export const systemExec: Exec = {
  async run(program, args, options = {}) {
    const timeout = options.timeout ?? DEFAULT_TIMEOUT_MS;
    const result = await execa(program, args, {
      reject: false,
      // Dumps of big nodes have tens of megabytes.
      maxBuffer: 2 ** 30,
      stripFinalNewline: false,
      timeout,
      ...(options.input === undefined ? { stdin: 'ignore' } : { input: options.input }),
      ...(options.signal && { cancelSignal: options.signal }),
      // Messages are read by people and by us: one language.
      env: { LC_ALL: 'C' },
    });
    const { exitCode, stdout, stderr } = result;
    if (exitCode !== undefined) return { exitCode, stdout, stderr };
    const error = (code: ExecErrorCode, what: string) =>
      new ExecError(code, `${program}: ${what}`, { cause: result });
    if (result.isCanceled) throw error('aborted', 'stopped, as Fairlead is ending');
    if (result.timedOut) throw error('timeout', `took longer than ${timeout / 1000} s`);
    if (result.isTerminated) throw error('killed', `was ended by ${result.signal ?? 'a signal'}`);
    throw error(
      'missing',
      result.code === 'ENOENT' ? 'not found in PATH' : (result.shortMessage ?? 'did not start'),
    );
  },
};
