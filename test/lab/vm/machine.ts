import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { run, searchPath } from '../command.ts';

const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));
/** What the kernel needs before it can see the host's file system; in this order, with what they depend on. */
const BOOT_MODULES = ['virtio_pci', 'crc32c_generic', '9p', '9pnet_virtio'];
/** ms within which guest.sh has to run. */
const BOOT_TIMEOUT_MS = 180_000;

/** Where setup.sh keeps the kernel. */
export function cacheFolder(): string {
  return process.env['FAIRLEAD_VM_CACHE'] ?? '/var/cache/fairlead-vm';
}

/** How a run of the virtual machine ended. */
export interface MachineRun {
  /** What guest.ts wrote, a JSON value a line; undefined where it never came so far. */
  readonly results: string | undefined;
  /** Of guest.ts. */
  readonly exitCode: number | undefined;
  /** All that the kernel and guest.sh printed. */
  readonly console: string;
  /** Why it was ended, where it did not end by itself. */
  readonly failure: string | undefined;
}

/**
 * Boots a Debian kernel under qemu's software emulation, with this machine's root file system (read-only), runs
 * guest.ts in it and waits for its end.
 * @param timeoutMs for all of it
 */
export async function runMachine(timeoutMs: number, signal?: AbortSignal): Promise<MachineRun> {
  const folder = await mkdtemp(join(tmpdir(), `fairlead-vm-${randomBytes(2).toString('hex')}-`));
  try {
    const results = join(folder, 'results');
    await mkdir(results);
    const release = (await readFile(join(cacheFolder(), 'release'), 'utf8')).trim();
    const initrd = join(folder, 'initrd');
    await packInitrd(join(folder, 'initrd.d'), initrd, release);
    const ends = AbortSignal.any([AbortSignal.timeout(timeoutMs), ...(signal ? [signal] : [])]);
    const log = join(folder, 'console');
    const qemu = execa('qemu-system-x86_64', qemuArguments({ release, initrd, results, log }), {
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
      results: await read(join(results, 'results.jsonl')),
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

interface Parts {
  readonly release: string;
  readonly initrd: string;
  readonly results: string;
  readonly log: string;
}

function qemuArguments({ release, initrd, results, log }: Parts): string[] {
  const share = (path: string, tag: string, options: string): string[] => [
    '-virtfs',
    `local,path=${path},mount_tag=${tag},security_model=none,multidevs=remap${options}`,
  ];
  // The kernel gives what it does not know itself to the first process as its environment.
  const environment = {
    FAIRLEAD_REPOSITORY: REPOSITORY.replace(/\/$/, ''),
    FAIRLEAD_VM_CACHE: cacheFolder(),
    FAIRLEAD_NODE: process.execPath,
    // Those whose names hold this text; spaces are written as underscores.
    FAIRLEAD_TRIALS: process.env['FAIRLEAD_TRIALS'] ?? '',
  };
  const append = [
    'console=ttyS0 panic=-1 quiet mitigations=off norandmaps',
    ...Object.entries(environment).map(([name, value]) => `${name}=${value}`),
  ];
  return [
    // /dev/kvm may be there and not work.
    ...['-accel', 'tcg,thread=multi', '-cpu', 'max', '-m', '3072', '-smp', '2'],
    ...['-kernel', join(cacheFolder(), 'root/boot', `vmlinuz-${release}`), '-initrd', initrd],
    ...['-append', append.join(' ')],
    ...['-display', 'none', '-monitor', 'none', '-serial', `file:${log}`, '-no-reboot', '-nic', 'none'],
    ...share('/', 'root', ',readonly=on'),
    ...share(results, 'results', ''),
  ];
}

/** A root file system that can do one thing: mount the host's. */
async function packInitrd(folder: string, target: string, release: string): Promise<void> {
  for (const name of ['bin', 'modules']) await mkdir(join(folder, name), { recursive: true });
  const which = await run(['sh', '-c', 'command -v busybox']);
  await copyFile(which.trim(), join(folder, 'bin/busybox'));
  await copyFile(fileURLToPath(new URL('init.sh', import.meta.url)), join(folder, 'init'));
  const order: string[] = [];
  for (const module of BOOT_MODULES) {
    const needs = await run([
      'modprobe',
      '-d',
      join(cacheFolder(), 'root'),
      '-S',
      release,
      '--show-depends',
      module,
    ]);
    for (const [, path = ''] of needs.matchAll(/^insmod (\S+)/gm)) {
      const name = `/modules/${basename(path)}`;
      if (order.includes(name)) continue;
      order.push(name);
      await copyFile(path, join(folder, name));
    }
  }
  await writeFile(join(folder, 'modules/order'), order.map((name) => `${name}\n`).join(''));
  const options = { cwd: folder, env: { PATH: searchPath() }, encoding: 'buffer' } as const;
  const files = await execa('find', ['.', '-print0'], options);
  const archive = await execa('cpio', ['--null', '--create', '--format=newc', '--quiet', '--owner=0:0'], {
    ...options,
    input: files.stdout,
  });
  await writeFile(target, archive.stdout);
}
