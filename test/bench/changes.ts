import { setTimeout as pause } from 'node:timers/promises';
import { now } from './clock.ts';
import type { Change } from './cluster.ts';
import type { Course } from './course.ts';
import type { ProxyProcess } from './proxy-process.ts';
import type { Case, Measurement } from './result.ts';
import { cpuPer } from './usage.ts';

/** Makes changes one after the other, each once the one before is programmed. */
export async function measureChanges(
  which: Case,
  by: string,
  proxy: ProxyProcess,
  course: Course,
  count: number,
  next: () => Change,
): Promise<Measurement> {
  return await account(which, by, proxy, course, async () => {
    const samples: number[] = [];
    for (let i = 0; i < count; i++) samples.push(await makeChange(next(), proxy, course));
    return samples;
  });
}

/** Makes changes at a steady rate, however long each of them takes. */
export async function measureStream(
  by: string,
  proxy: ProxyProcess,
  course: Course,
  next: () => Change,
): Promise<Measurement> {
  const { rate, seconds } = course;
  return await account('steady stream of changes', by, proxy, course, async () => {
    const began = now();
    const latencies: Promise<number>[] = [];
    for (let i = 0; i < rate * seconds; i++) {
      await pause(Math.max(0, began + (i * 1000) / rate - now()));
      const measured = latency(next(), course);
      // A failure is told below, once all are under way.
      measured.catch(() => {});
      latencies.push(measured);
    }
    return await proxy.during(Promise.all(latencies));
  });
}

/** @returns ms from the write at the API to the transaction that has the rules */
export async function makeChange(change: Change, proxy: ProxyProcess, course: Course): Promise<number> {
  const { api, gap, node } = course;
  for (const write of change.before) await api.write(write);
  await node.watch.quiet(gap);
  const ms = await proxy.during(latency(change, course));
  for (const write of change.after) await api.write(write);
  return ms;
}

async function latency({ what, sign, write }: Change, { api, node }: Course): Promise<number> {
  const seen = node.watch.sighting(what, sign);
  const sent = now();
  const [at] = await Promise.all([seen, api.write(write)]);
  return at - sent;
}

/** Counts, from rest to rest, what the samples took. */
async function account(
  which: Case,
  by: string,
  proxy: ProxyProcess,
  { node: { watch } }: Course,
  measure: () => Promise<readonly number[]>,
): Promise<Measurement> {
  await proxy.idle();
  const { cpu } = proxy;
  const writes = watch.writes;
  const samples = await measure();
  await proxy.idle();
  await watch.catchUp();
  return {
    case: which,
    by,
    samples,
    cpu: cpuPer(samples.length, cpu, proxy.cpu),
    writes: (watch.writes - writes) / samples.length,
  };
}
