import { execa } from 'execa';

export interface CommandOptions {
  /** What the command reads on stdin. Nothing when left out. */
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Runs a command to its end and gives what it printed on stdout, with its last newline.
 *
 * @throws {ExecaError} the command cannot be started or ends with another code than 0; the message has its stderr.
 */
export async function run(command: readonly string[], options: CommandOptions = {}): Promise<string> {
  const [file = '', ...args] = command;
  const { stdout } = await execa(file, args, {
    input: options.input ?? '',
    env: { PATH: searchPath(), ...options.env },
    stripFinalNewline: false,
  });
  return stdout;
}

/** Where commands are looked for: PATH, and the sbin folders that it lacks for users other than root. */
export function searchPath(): string {
  const folders = (process.env['PATH'] ?? '').split(':').filter((folder) => folder !== '');
  return [...new Set([...folders, '/usr/sbin', '/sbin'])].join(':');
}
