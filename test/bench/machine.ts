import { cpus, loadavg, release, totalmem } from 'node:os';
import { run } from '../lab/command.ts';
import type { Machine } from './result.ts';
import type { Toolset } from './toolset.ts';

/** What the numbers depend on. */
export async function describeMachine({ version }: Toolset): Promise<Machine> {
  const processors = cpus();
  return {
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    kernel: release(),
    tool: (await run(version)).trim(),
    node: process.versions.node,
    load: loadavg()[0] ?? 0,
  };
}
