import { type Contender, type Course, start } from './course.ts';
import type { KernelWatch } from './kernel-watch.ts';
import type { ProxyProcess } from './proxy-process.ts';
import type { Case, Measurement } from './result.ts';
import { mean } from './statistics.ts';
import { Turn } from './turn.ts';
import type { CpuTime } from './usage.ts';

/** One start of a process. */
export interface Start {
  readonly ms: number;
  /** CPU time until it was at rest. */
  readonly cpu: CpuTime;
  readonly writes: number;
}

/** From the start of the process to the transaction that completes the rules, and on until it is at rest. */
export async function coldStart(proxy: ProxyProcess, { node: { watch }, size }: Course): Promise<Start> {
  return await account(proxy, watch, watch.reached(size));
}

/** Restarts a proxy whose rules are all there: with the cluster as it was, and with one change that it has missed. */
export async function measureRestarts(contender: Contender, course: Course): Promise<readonly Measurement[]> {
  const { node, api, cluster } = course;
  const turn = new Turn(cluster, node.tools.backend === 'legacy');
  const unchanged: Start[] = [];
  const changed: Start[] = [];
  for (let i = 0; i < course.starts; i++) {
    {
      await using proxy = await start(contender, node);
      unchanged.push(await account(proxy, node.watch, proxy.idle()));
    }
    const { what, sign, write } = turn.ofMany();
    await api.write(write);
    const seen = node.watch.sighting(what, sign);
    await using proxy = await start(contender, node);
    changed.push(await account(proxy, node.watch, seen));
  }
  return [
    measurement('restart, nothing changed', contender.name, unchanged),
    measurement('restart, an endpoint changed meanwhile', contender.name, changed),
  ];
}

export function measurement(which: Case, by: string, starts: readonly Start[]): Measurement {
  return {
    case: which,
    by,
    samples: starts.map(({ ms }) => ms),
    cpu: {
      own: mean(starts.map(({ cpu }) => cpu.own)),
      children: mean(starts.map(({ cpu }) => cpu.children)),
    },
    writes: mean(starts.map(({ writes }) => writes)),
  };
}

/** @param done the moment until which the start counts, in ms on the monotonic clock */
async function account(proxy: ProxyProcess, watch: KernelWatch, done: Promise<number>): Promise<Start> {
  const writes = watch.writes;
  const at = await proxy.during(done);
  await proxy.idle();
  await watch.catchUp();
  return { ms: at - proxy.started, cpu: proxy.cpu, writes: watch.writes - writes };
}
