/**
 * `npm run bench`: builds what is shipped, and measures it in a network namespace of its own, which goes with all
 * that runs in it when the bench ends, however it ends.
 */
import { copyFile, mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { searchPath } from '../lab/command.ts';
import { labHindrance } from '../lab/hindrance.ts';
import { addNamespaces, newPrefix, removeNamespacesSync, sweepStale } from '../lab/namespaces.ts';
import { NODE_IP } from './cluster-objects.ts';
import { runIpvsBench } from './ipvs-bench.ts';
import { parseOptions, USAGE, UsageError } from './options.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const BUNDLE = join(ROOT, 'deploy/bundle.ts');
const BENCH = fileURLToPath(new URL('./bench.ts', import.meta.url));

process.exitCode = await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<number> {
  try {
    const options = parseOptions(argv);
    if (options === 'help') {
      process.stdout.write(USAGE);
      return 0;
    }
    if (options.mode === 'ipvs') return await interruptible((signal) => runIpvsBench(options, signal));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`bench: ${error.message}\n`);
    return 2;
  }
  const hindrance = (await labHindrance()) ?? (await perlHindrance());
  if (hindrance !== undefined) {
    process.stderr.write(`bench: ${hindrance}\n`);
    return 1;
  }
  await sweepStale();
  return await interruptible((signal) => runInNamespace(argv, signal));
}

/** An interrupt ends the work in good order. */
async function interruptible(work: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const interruption = new AbortController();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, () => interruption.abort());
  return await work(interruption.signal);
}

async function runInNamespace(argv: readonly string[], signal: AbortSignal): Promise<number> {
  const prefix = newPrefix();
  const folder = join(tmpdir(), `${prefix}-bench`);
  process.once('exit', () => removeNamespacesSync(prefix));
  try {
    await mkdir(folder);
    const built = await inherit([process.execPath, BUNDLE], signal, ROOT);
    if (built !== 0) return built;
    // Somebody may build again while this runs. By this name it is in the image: Node need not find out what it is.
    const bundle = join(folder, 'fairlead.mjs');
    await copyFile(join(ROOT, 'dist/fairlead.js'), bundle);
    const [namespace] = await addNamespaces([`${prefix}-node`]);
    if (namespace === undefined) throw new Error('unreachable');
    await namespace.ip(['link set lo up', `addr add ${NODE_IP}/32 dev lo`]);
    const inside = ['ip', 'netns', 'exec', namespace.name, process.execPath, BENCH, folder, bundle, ...argv];
    return await inherit(inside, signal);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs a command on this terminal. When interrupted, the command ends in good order (SIGTERM), and this after it. */
async function inherit(
  [file = '', ...args]: readonly string[],
  signal: AbortSignal,
  cwd = process.cwd(),
): Promise<number> {
  const { exitCode } = await execa(file, args, {
    cwd,
    stdio: 'inherit',
    reject: false,
    env: { PATH: searchPath() },
    cancelSignal: signal,
    forceKillAfterDelay: 20_000,
  });
  return exitCode ?? 1;
}

/** What sees the kernel is a Perl script. */
async function perlHindrance(): Promise<string | undefined> {
  const { exitCode } = await execa('perl', ['-e', '0'], { reject: false, env: { PATH: searchPath() } });
  return exitCode === 0
    ? undefined
    : 'perl is not installed, by which the kernel is watched (Debian: perl-base)';
}
