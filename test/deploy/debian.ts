import { createHash } from 'node:crypto';
import { access, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { PATH } from './path.ts';

/** Outlives runs: only the first one on a machine waits for Debian's mirror. */
const CACHE = '/var/cache/fairlead-test';
const MIRROR = process.env['DEBIAN_MIRROR'] ?? 'http://deb.debian.org/debian';
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };
const RUN = /^run-(\d+)-/;

/** A Debian of some release with some packages and what they depend on, without the recommended ones. */
export class Debian {
  readonly #release: string;
  readonly #packages: readonly string[];
  readonly #folder: string;

  constructor(release: string, packages: readonly string[]) {
    this.#release = release;
    this.#packages = packages;
    const content = [release, architecture(), ...[...packages].sort()].join(' ');
    const hash = createHash('sha256').update(content).digest('hex').slice(0, 12);
    this.#folder = join(CACHE, `${release}-${architecture()}-${hash}`);
  }

  /** Why it cannot be had on this machine, as half a sentence, or undefined where it can. */
  async hindrance(): Promise<string | undefined> {
    if (await exists(this.#folder)) return undefined;
    if ((await outcome(['debootstrap', '--version'])) !== 0) return 'debootstrap is not installed';
    const release = `${MIRROR}/dists/${this.#release}/InRelease`;
    const reached = await outcome(['wget', '-q', '--spider', '--tries=1', '--timeout=10', release]);
    return reached === 0 ? undefined : `${MIRROR} cannot be reached (DEBIAN_MIRROR names another)`;
  }

  /**
   * A copy of it: a new folder, which takes no space but for what is added. Nothing in it may be changed.
   * @throws {ExecaError} debootstrap fails; the message has what it said.
   */
  async copy(): Promise<string> {
    await sweep();
    if (!(await exists(this.#folder))) await this.#make();
    const copy = join(CACHE, `run-${process.pid}-${Date.now()}`);
    await execa('cp', ['-al', this.#folder, copy]);
    return copy;
  }

  async #make(): Promise<void> {
    // Complete, or not there.
    const unfinished = join(CACHE, `run-${process.pid}-debootstrap`);
    await mkdir(CACHE, { recursive: true });
    const packages = `--include=${this.#packages.join(',')}`;
    const args = [
      '--variant=minbase',
      `--arch=${architecture()}`,
      packages,
      this.#release,
      unfinished,
      MIRROR,
    ];
    try {
      await execa('debootstrap', args, { env: { PATH }, all: true });
      await rm(join(unfinished, 'var/cache/apt'), { recursive: true, force: true });
      await rm(join(unfinished, 'var/lib/apt/lists'), { recursive: true, force: true });
      await rename(unfinished, this.#folder).catch(async (error) => {
        // Another run was faster.
        if (!(await exists(this.#folder))) throw error;
      });
    } finally {
      await rm(unfinished, { recursive: true, force: true });
    }
  }
}

/** Removes what killed processes left. */
async function sweep(): Promise<void> {
  if (!(await exists(CACHE))) return;
  const stale = (await readdir(CACHE)).filter((name) => {
    const pid = RUN.exec(name)?.[1];
    return pid !== undefined && !isRunning(Number(pid));
  });
  await Promise.all(stale.map((name) => rm(join(CACHE, name), { recursive: true, force: true })));
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function architecture(): string {
  return ARCHITECTURES[process.arch] ?? process.arch;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function outcome([file = '', ...args]: readonly string[]): Promise<number | undefined> {
  const { exitCode } = await execa(file, args, { env: { PATH }, reject: false });
  return exitCode;
}
