import { readdir, readFile } from 'node:fs/promises';
import { run } from './command.ts';
import type { Namespace } from './namespaces.ts';

/** The process ids in a namespace whose command line has all of these words. */
export async function pidsOf(namespace: Namespace, words: readonly string[]): Promise<readonly number[]> {
  const pids = (await run(['ip', 'netns', 'pids', namespace.name])).split('\n').filter(Boolean);
  const found: number[] = [];
  for (const pid of pids) {
    const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
    if (words.every((word) => command.includes(word))) found.push(Number(pid));
  }
  return found;
}

/** The names of a process' children, those included that have ended and wait for their parent. */
export async function childrenOf(pid: number): Promise<readonly string[]> {
  const names: string[] = [];
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = await readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '');
    const [, name = '', parent] = /^\d+ \((.*)\) \S (\d+) /s.exec(stat) ?? [];
    if (Number(parent) === pid) names.push(name);
  }
  return names;
}
