import type { Readable } from 'node:stream';
import { execa, type Options } from 'execa';

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

/** Starts programs whose output is too big to hold. */
export interface LineExec {
  /**
   * As `run`, but passes each line of the standard output on as it comes.
   * @throws ExecError where the program could not be started, was killed, or took too long
   */
  lines(
    program: string,
    args: readonly string[],
    onLine: (line: string) => void,
    options?: ExecOptions,
  ): Promise<Omit<Execution, 'stdout'>>;
}

/** A program that is spoken to while it runs. */
export interface Conversation {
  /** Gives text to its standard input. */
  say(text: string): void;
  /** Ends it, at once. */
  end(): void;
}

export interface ConversationListener {
  /** Called with each line of its standard error. */
  onErrorLine(line: string): void;
  /** Called with each line of its standard output. */
  onLine?(line: string): void;
  /** Called once when it is gone, whoever ended it, or was never there. */
  onEnd(): void;
}

/** Starts programs to speak to. */
export interface ConversationExec {
  /** Never throws: a program that could not be started has ended. */
  converse(program: string, args: readonly string[], listener: ConversationListener): Conversation;
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

export const systemExec: Exec & LineExec & ConversationExec = {
  async run(program, args, options = {}) {
    const result = await execa(program, args, execaOptions(options));
    const { exitCode, stdout, stderr } = result;
    if (exitCode === undefined) throw execError(program, result, options);
    return { exitCode, stdout, stderr };
  },

  async lines(program, args, onLine, options = {}) {
    const subprocess = execa(program, args, {
      ...execaOptions(options),
      buffer: { stdout: false, stderr: true },
    });
    const rest = readLines(subprocess.stdout, onLine);
    const result = await subprocess;
    const { exitCode, stderr } = result;
    if (exitCode === undefined) throw execError(program, result, options);
    if (rest() !== '') onLine(rest());
    return { exitCode, stderr };
  },

  converse(program, args, { onErrorLine, onLine, onEnd }) {
    const subprocess = execa(program, args, {
      reject: false,
      buffer: false,
      stdin: 'pipe',
      // What nobody listens to is not even read.
      stdout: onLine ? 'pipe' : 'ignore',
      stderr: 'pipe',
      // One language; and no file with what was typed.
      env: { LC_ALL: 'C', HOME: '/nonexistent' },
    });
    readLines(subprocess.stderr, onErrorLine);
    if (onLine && subprocess.stdout) readLines(subprocess.stdout, onLine);
    // Who is gone does not listen: that it is gone is told by its end.
    subprocess.stdin.on('error', () => {});
    void subprocess.then(onEnd);
    return {
      say: (text) => void subprocess.stdin.write(text),
      end: () => void subprocess.kill('SIGKILL'),
    };
  },
};

/** @returns what has come since the last end of a line */
function readLines(stream: Readable, onLine: (line: string) => void): () => string {
  let unfinished = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (unfinished + chunk).split('\n');
    unfinished = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  });
  return () => unfinished;
}

function execaOptions({ input, signal, timeout = DEFAULT_TIMEOUT_MS }: ExecOptions) {
  return {
    reject: false,
    // Dumps of big nodes have tens of megabytes.
    maxBuffer: 2 ** 30,
    stripFinalNewline: false,
    timeout,
    ...(input === undefined ? { stdin: 'ignore' } : { input }),
    ...(signal && { cancelSignal: signal }),
    // Messages are read by people and by us: one language.
    env: { LC_ALL: 'C' },
  } as const satisfies Options;
}

/** What execa tells of a program that did not run to its end. */
interface Failure {
  readonly isCanceled: boolean;
  readonly timedOut: boolean;
  readonly isTerminated: boolean;
  readonly signal?: string | undefined;
  readonly code?: string | undefined;
  readonly shortMessage?: string | undefined;
}

function execError(program: string, failure: Failure, { timeout }: ExecOptions): ExecError {
  const error = (code: ExecErrorCode, what: string) =>
    new ExecError(code, `${program}: ${what}`, { cause: failure });
  if (failure.isCanceled) return error('aborted', 'stopped, as Fairlead is ending');
  if (failure.timedOut) {
    return error('timeout', `took longer than ${(timeout ?? DEFAULT_TIMEOUT_MS) / 1000} s`);
  }
  if (failure.isTerminated) return error('killed', `was ended by ${failure.signal ?? 'a signal'}`);
  return error(
    'missing',
    failure.code === 'ENOENT' ? 'not found in PATH' : (failure.shortMessage ?? 'did not start'),
  );
}
