/** A failure that has a message for people and decides the exit code. Everything else is a bug, shown with its stack. */
export class RuntimeFailure extends Error {
  override readonly name = 'RuntimeFailure';
  readonly code: string;
  readonly exitCode = 1;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export function exitCodeOf(error: unknown): number {
  const { exitCode } = (error ?? {}) as { exitCode?: unknown };
  return typeof exitCode === 'number' ? exitCode : 1;
}

/** One line where the error was meant for people (it has a code), its stack where it is a bug. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error ? error.message : (error.stack ?? error.message);
}
