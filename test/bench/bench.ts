/**
 * The bench itself. Started by main.ts in a network namespace of its own, with the folder for its files and the
 * bundle before the options.
 */

import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { BenchNode } from './bench-node.ts';
import { describeMachine } from './machine.ts';
import { type BenchOptions, parseOptions } from './options.ts';
import { plotLatency } from './plot.ts';
import { formatMachine, formatSize } from './report.ts';
import type { BenchResult, SizeResult } from './result.ts';
import { measureSize } from './size-run.ts';
import { toolsetOf } from './toolset.ts';

const PLOTTED = 'one endpoint changed';

const [, , folder = '', bundle = '', ...argv] = process.argv;
const options = parseOptions(argv);
if (options === 'help') throw new Error('unreachable: main.ts gives help');

const resources = new AsyncDisposableStack();
const done = bench(options).then(() => 0);
try {
  process.exitCode = await Promise.race([done, interruption()]);
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
} finally {
  // What it was in the middle of fails now, and nobody needs to know.
  done.catch(() => {});
  await resources.disposeAsync();
}
process.exit();

async function bench(options: BenchOptions): Promise<void> {
  const { mode, backend, rate, seconds, json, svg } = options;
  if (mode === 'ipvs') throw new Error('unreachable: main.ts has it measured elsewhere');
  const tools = toolsetOf(mode, backend);
  const about = {
    date: new Date().toISOString().slice(0, 10),
    command: ['npm run bench --', ...argv].join(' '),
    machine: await describeMachine(tools),
    mode,
    backend,
    rate,
    seconds,
  };
  process.stdout.write(`${formatMachine(about)}\n`);
  const node = resources.use(await BenchNode.open(tools, folder));
  const sizes: SizeResult[] = [];
  for (const services of options.services) {
    const progress = (text: string) =>
      process.stderr.write(`  ${clock()} ${services.toLocaleString('en')} Services: ${text}\n`);
    const size = await measureSize(services, options, node, bundleCommand(bundle), progress);
    sizes.push(size);
    process.stdout.write(`\n${formatSize(size, about)}\n`);
    const result: BenchResult = { ...about, sizes };
    if (json !== undefined) await writeFile(json, `${JSON.stringify(result, undefined, 2)}\n`);
    if (svg !== undefined && size.measurements.some((found) => found.case === PLOTTED)) {
      await writeFile(svg, plotLatency(result, PLOTTED));
    }
  }
}

/**
 * The bundle as its own first line has it started, by the Node that runs this.
 * @throws Error where it has no such line
 */
function bundleCommand(bundle: string): readonly string[] {
  const [, line] = /^#!\/usr\/bin\/env -S (.*\bnode\b.*)\n/.exec(readFileSync(bundle, 'utf8')) ?? [];
  if (line === undefined) throw new Error(`${bundle} does not say how it is started`);
  const words = line.split(' ').map((word) => (word === 'node' ? process.execPath : word));
  return ['env', ...words, bundle];
}

function clock(): string {
  return new Date().toISOString().slice(11, 19);
}

/** Resolves with an exit code when the user has had enough. */
function interruption(): Promise<number> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => resolve(128 + constants.signals[signal]));
    }
  });
}
