import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterEach } from 'vitest';

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
export const MAIN = join(ROOT, 'src/main.ts');
export const GOOD = join(ROOT, 'fixtures/bad-input/good.yaml');
export const CORPUS = join(ROOT, 'fixtures/kube-proxy-1.36');

export interface Run {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly cwd?: string;
  /** @default that of the tests */
  readonly env?: Readonly<Record<string, string>>;
  /** Flags of Node itself. */
  readonly nodeFlags?: readonly string[];
}

/** Runs the command line tool to its end, in a process of its own. */
export async function fairlead(args: readonly string[], options: RunOptions = {}): Promise<Run> {
  const { input = '', cwd, env, nodeFlags = [] } = options;
  const { exitCode, stdout, stderr } = await execa(process.execPath, [...nodeFlags, MAIN, ...args], {
    reject: false,
    stripFinalNewline: false,
    input,
    maxBuffer: 2 ** 28,
    ...(cwd !== undefined && { cwd }),
    ...(env && { env, extendEnv: false }),
  });
  return { exitCode, stdout, stderr };
}

/** `fairlead --dry-run --hostname-override=node-1 ...` */
export function dryRun(args: readonly string[], options?: RunOptions): Promise<Run> {
  return fairlead(['--dry-run', '--hostname-override=node-1', ...args], options);
}

const folders: string[] = [];
afterEach(() => Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true }))));

/** A folder of the running test. */
export async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'fairlead-cli-'));
  folders.push(path);
  return path;
}

/** A file of the running test. */
export async function file(text: string, name = 'cluster.yaml'): Promise<string> {
  const path = join(await folder(), name);
  await writeFile(path, text);
  return path;
}
