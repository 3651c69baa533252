import { randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa, execaSync } from 'execa';
import { type CommandOptions, run, searchPath } from './command.ts';

const OURS = /^fl-(\d+)-[0-9a-f]{4}(?:-|$)/;

/** A prefix for the namespaces and files of one lab, different for each lab on this machine. */
export function newPrefix(): string {
  return `fl-${process.pid}-${randomBytes(2).toString('hex')}`;
}

/** A network namespace that exists. Commands run in it see its interfaces, rules and /proc/sys/net. */
export class Namespace {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  /** Runs a command in the namespace to its end and gives its stdout. Throws as `run` does. */
  run(command: readonly string[], options: CommandOptions = {}): Promise<string> {
    return run(this.command(command), options);
  }

  /** Applies lines of `ip -batch` (the arguments of `ip`, one command a line). The first that fails ends it. */
  async ip(lines: readonly string[]): Promise<void> {
    await run(['ip', '-n', this.name, '-batch', '-'], { input: `${lines.join('\n')}\n` });
  }

  async sysctl(values: Readonly<Record<string, number>>): Promise<void> {
    const settings = Object.entries(values).map(([name, value]) => `${name}=${value}`);
    await this.run(['sysctl', '-q', '-w', ...settings]);
  }

  /**
   * Starts a command that stays, with pipes for stdin, stdout and stderr. It is killed when this process ends.
   * The promise that the subprocess is never rejects.
   */
  start(command: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const [file = '', ...args] = this.command(command);
    return execa(file, args, {
      env: { PATH: searchPath(), ...env },
      stdin: 'pipe',
      reject: false,
      buffer: false,
      forceKillAfterDelay: 5_000,
    });
  }

  private command(command: readonly string[]): readonly string[] {
    return ['ip', 'netns', 'exec', this.name, ...command];
  }
}

/** A process that `Namespace.start` started. */
export type Subprocess = ReturnType<Namespace['start']>;

export async function addNamespaces(names: readonly string[]): Promise<readonly Namespace[]> {
  await run(['ip', '-batch', '-'], { input: names.map((name) => `netns add ${name}\n`).join('') });
  return names.map((name) => new Namespace(name));
}

/** Removes the namespaces with a prefix without waiting for anything else, so that it can run while exiting. */
export function removeNamespacesSync(prefix: string): void {
  const env = { PATH: searchPath() };
  const { stdout } = execaSync('ip', ['netns', 'list'], { env, reject: false });
  const names = namesIn(stdout ?? '').filter((name) => name.startsWith(`${prefix}-`));
  const input = names.map((name) => `netns del ${name}\n`).join('');
  execaSync('ip', ['-force', '-batch', '-'], { env, input, reject: false });
}

/**
 * Removes namespaces, processes and folders of labs whose process is gone: killed, it could not clean up.
 *
 * @returns the names of the namespaces removed.
 */
export async function sweepStale(): Promise<readonly string[]> {
  const stale = namesIn(await run(['ip', 'netns', 'list'])).filter(isStale);
  for (const name of stale) {
    // Another process may sweep at the same time: what is gone already is as good.
    const options = { env: { PATH: searchPath() }, reject: false } as const;
    const { stdout } = await execa('ip', ['netns', 'pids', name], options);
    for (const pid of (stdout ?? '').split('\n').filter(Boolean)) signal(Number(pid), 'SIGKILL');
    await execa('ip', ['netns', 'del', name], options);
  }
  const folders = (await readdir(tmpdir())).filter(isStale);
  await Promise.all(folders.map((folder) => rm(join(tmpdir(), folder), { recursive: true, force: true })));
  return stale;
}

function namesIn(list: string): readonly string[] {
  return list.split('\n').flatMap((line) => line.split(' ')[0] || []);
}

function isStale(name: string): boolean {
  const pid = OURS.exec(name)?.[1];
  return pid !== undefined && !signal(Number(pid), 0);
}

/** False when there is no such process. */
function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH');
  }
}
