import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { bundleFairlead } from '../lab/bundle.ts';
import { searchPath } from '../lab/command.ts';
import { placeOfTrials } from '../lab/vm/hindrance.ts';
import { runMachine } from '../lab/vm/machine.ts';
import type { BenchOptions } from './options.ts';
import { formatSize } from './report.ts';
import type { SizeResult } from './result.ts';

const SCRIPT = 'test/bench/ipvs-guest.ts';
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const TIMEOUT_MS = 3_600_000;

type IpvsOptions = Pick<
  BenchOptions,
  'services' | 'endpoints' | 'starts' | 'changes' | 'backend' | 'rate' | 'seconds'
>;

/**
 * Measures ipvs mode where a kernel has it: on this one, or in the virtual machine of test/lab/vm. There a processor
 * is emulated, and only ratios mean something.
 * @returns the exit code
 */
export async function runIpvsBench(options: IpvsOptions, signal: AbortSignal): Promise<number> {
  const place = await placeOfTrials();
  if (place.kind === 'nowhere') {
    process.stderr.write(`bench: ipvs mode cannot be measured: ${place.reason}\n`);
    return 1;
  }
  const { services, endpoints, starts, changes } = options;
  // Words, as they go by the kernel's command line.
  const course = {
    BENCH_SERVICES: services.join(','),
    BENCH_ENDPOINTS: String(endpoints),
    BENCH_STARTS: String(starts),
    BENCH_CHANGES: String(changes),
  };
  const { results, failure } =
    place.kind === 'virtual machine' ? await inMachine(course, signal) : await here(course, signal);
  const sizes: SizeResult[] = results
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  process.stdout.write(`On ${place.kind === 'this kernel' ? 'this kernel' : 'an emulated processor'}.\n\n`);
  for (const size of sizes) process.stdout.write(`${formatSize(size, { ...options, mode: 'ipvs' })}\n`);
  if (sizes.length === services.length) return 0;
  process.stderr.write(`bench: ${failure}\n`);
  return 1;
}

type Environment = Readonly<Record<string, string>>;

interface Outcome {
  readonly results: string;
  readonly failure: string;
}

async function inMachine(environment: Environment, signal: AbortSignal): Promise<Outcome> {
  const run = await runMachine({ script: SCRIPT, environment, timeoutMs: TIMEOUT_MS, signal });
  const why = run.failure ?? `it ended with ${run.exitCode}`;
  return { results: run.results ?? '', failure: `the virtual machine: ${why}; its console:\n${run.console}` };
}

async function here(environment: Environment, signal: AbortSignal): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-bench-'));
  try {
    const file = join(folder, 'results');
    const bundle = join(folder, 'fairlead.js');
    await bundleFairlead(bundle);
    const { all } = await execa(process.execPath, [join(ROOT, SCRIPT), file], {
      env: { ...environment, PATH: searchPath(), FAIRLEAD_MAIN: bundle },
      all: true,
      reject: false,
      cancelSignal: signal,
    });
    return { results: await readFile(file, 'utf8').catch(() => ''), failure: all };
  } finally {
    await rm(folder, { recursive: true });
  }
}
