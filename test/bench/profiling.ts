import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeChange } from './changes.ts';
import { now } from './clock.ts';
import { type Contender, type Course, start } from './course.ts';
import { type CpuProfile, selfTimes } from './cpu-profile.ts';
import type { ProxyProcess } from './proxy-process.ts';
import { coldStart } from './starts.ts';
import { formatTable, formatTime, type Row } from './table.ts';
import { Turn } from './turn.ts';

/** Functions that are listed of each profile. */
const LISTED = 25;

/**
 * Runs the bundle under V8's profiler: a cold start, a restart, endpoint changes.
 * @param folder where the profiles go, for Chrome's developer tools and the like
 * @returns tables of where the time went
 */
export async function profile(
  { name, command }: Contender,
  course: Course,
  folder: string,
  progress: (text: string) => void,
): Promise<string> {
  await mkdir(folder, { recursive: true });
  const tables: string[] = [];
  const take = async (title: string, use: (proxy: ProxyProcess) => Promise<number | undefined>) => {
    progress(`${name}: profile of ${title}`);
    const file = `${course.cluster.services}-${title.replaceAll(' ', '-')}.cpuprofile`;
    const flags = ['--cpu-prof', `--cpu-prof-dir=${folder}`, `--cpu-prof-name=${file}`];
    const node = command.indexOf(process.execPath) + 1;
    const profiled = [...command.slice(0, node), ...flags, ...command.slice(node)];
    let from: number | undefined;
    {
      await using proxy = await start({ name, command: profiled }, course.node);
      from = await use(proxy);
      await proxy.idle();
    }
    const found: CpuProfile = JSON.parse(await readFile(join(folder, file), 'utf8'));
    tables.push(listing(title, found, from));
  };

  await course.node.flush();
  await take('a cold start', async (proxy) => {
    await coldStart(proxy, course);
    return undefined;
  });
  await take('a restart', async () => undefined);
  await take(`${course.changes} endpoint changes`, async (proxy) => {
    await proxy.idle();
    const from = now() - proxy.started;
    const turn = new Turn(course.cluster, course.node.tools.backend === 'legacy');
    for (let i = 0; i < course.changes; i++) await makeChange(turn.one(), proxy, course);
    return from;
  });
  return tables.join('\n');
}

function listing(title: string, found: CpuProfile, from: number | undefined): string {
  const times = selfTimes(found, from);
  const total = times.reduce((sum, { ms }) => sum + ms, 0);
  const rows: Row[] = times.slice(0, LISTED).map(({ name, ms }) => {
    return { cells: [name, formatTime(ms), `${((100 * ms) / total).toFixed(1)} %`] };
  });
  return formatTable([`profile of ${title}: self time`, formatTime(total), ''], rows);
}
