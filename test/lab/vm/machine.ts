import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { bundleFairlead } from '../bundle.ts';
import { searchPath } from '../command.ts';
import { packInitrd } from './initrd.ts';

const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));
/** ms within which guest.sh has to run. */
const BOOT_TIMEOUT_MS = 180_000;

/** Where setup.sh keeps the kernel. */
export function cacheFolder(): string {
  return process.env['FAIRLEAD_VM_CACHE'] ?? '/var/cache/fairlead-vm';
}

export interface MachineOptions {
  /** What runs in there: a script's path from the repository's root. It is given the path of a file for its results. */
  readonly script: string;
  /** Words for the script's environment. */
  readonly environment?: Readonly<Record<string, string>>;
  /** For all of it. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** How a run of the virtual machine ended. */
export interface MachineRun {
  /** What the script wrote; undefined where it never came so far. */
  readonly results: string | undefined;
  /** Of the script. */
  readonly exitCode: number | undefined;
  /** All that the kernel and guest.sh printed. */
  readonly console: string;
  /** Why it was ended, where it did not end by itself. */
  readonly failure: string | undefined;
}

/**
 * Boots a Debian kernel under qemu's software emulation, with this machine's root file system (read-only), runs
 * a script in it and waits for its end. Fairlead is bundled for it: FAIRLEAD_MAIN is its path in there.
 */
export async function runMachine({ timeoutMs, signal, ...options }: MachineOptions): Promise<MachineRun> {
  const folder = await mkdtemp(join(tmpdir(), `fairlead-vm-${randomBytes(2).toString('hex')}-`));
  try {
    const results = join(folder, 'results');
    await mkdir(results);
    const release = (await readFile(join(cacheFolder(), 'release'), 'utf8')).trim();
    const initrd = join(folder, 'initrd');
    const modules = join(cacheFolder(), 'root');
    await Promise.all([
      packInitrd({ folder: join(folder, 'initrd.d'), target: initrd, release, modules }),
      provideFairlead(join(results, 'fairlead.js')),
    ]);
    const ends = AbortSignal.any([AbortSignal.timeout(timeoutMs), ...(signal ? [signal] : [])]);
    const log = join(folder, 'console');
    const qemu = execa('qemu-system-x86_64', qemuArguments({ ...options, release, initrd, results, log }), {
      env: { PATH: searchPath() },
      reject: false,
      stdin: 'ignore',
      cancelSignal: ends,
      forceKillAfterDelay: 5_000,
    });
    const failure = await watchBoot(results, qemu, () => qemu.kill());
    const { stderr, isCanceled, exitCode } = await qemu;
    const read = (path: string): Promise<string | undefined> => readFile(path, 'utf8').catch(() => undefined);
    const code = await read(join(results, 'exit'));
    return {
      results: await read(join(results, 'output')),
      exitCode: code === undefined ? undefined : Number(code),
      console: `${(await read(log)) ?? ''}${stderr}`,
      failure:
        failure ??
        (isCanceled ? `not done within ${timeoutMs / 1000} s` : undefined) ??
        (exitCode === 0 ? undefined : `qemu ended with ${exitCode}`),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** As for other tests, FAIRLEAD_MAIN may name another build. */
async function provideFairlead(target: string): Promise<void> {
  const main = process.env['FAIRLEAD_MAIN'];
  await (main === undefined ? bundleFairlead(target) : copyFile(main, target));
}

/** Ends a machine that does not come up in time. */
async function watchBoot(
  results: string,
  end: Promise<unknown>,
  kill: () => void,
): Promise<string | undefined> {
  let failure: string | undefined;
  const timer = setTimeout(async () => {
    const booted = await readFile(join(results, 'booted')).catch(() => undefined);
    if (booted) return;
    failure = `not up within ${BOOT_TIMEOUT_MS / 1000} s`;
    kill();
  }, BOOT_TIMEOUT_MS);
  await end;
  clearTimeout(timer);
  return failure;
}

interface Parts extends Pick<MachineOptions, 'script' | 'environment'> {
  readonly release: string;
  readonly initrd: string;
  readonly results: string;
  readonly log: string;
}

function qemuArguments({ release, initrd, results, log, script, environment }: Parts): string[] {
  const share = (path: string, tag: string, options: string): string[] => [
    '-virtfs',
    `local,path=${path},mount_tag=${tag},security_model=none,multidevs=remap${options}`,
  ];
  // The kernel gives what it does not know itself to the first process as its environment.
  const variables = {
    ...environment,
    FAIRLEAD_REPOSITORY: REPOSITORY.replace(/\/$/, ''),
    FAIRLEAD_VM_CACHE: cacheFolder(),
    FAIRLEAD_NODE: process.execPath,
    FAIRLEAD_SCRIPT: script,
  };
  const append = [
    'console=ttyS0 panic=-1 quiet mitigations=off norandmaps',
    ...Object.entries(variables).map(([name, value]) => `${name}=${value}`),
  ];
  return [
    // /dev/kvm may be there and not work.
    // What newer processors have besides makes emulation slower by a third.
    ...['-accel', 'tcg,thread=multi', '-cpu', 'Nehalem', '-m', '3072', '-smp', '2'],
    ...['-kernel', join(cacheFolder(), 'root/boot', `vmlinuz-${release}`), '-initrd', initrd],
    ...['-append', append.join(' ')],
    ...['-display', 'none', '-monitor', 'none', '-serial', `file:${log}`, '-no-reboot', '-nic', 'none'],
    ...share('/', 'root', ',readonly=on'),
    ...share(results, 'results', ''),
  ];
}
