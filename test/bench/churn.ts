import { setTimeout as pause } from 'node:timers/promises';
import { now } from './clock.ts';
import { type Contender, type Course, start } from './course.ts';
import type { Churn } from './result.ts';
import { coldStart } from './starts.ts';
import { Turn } from './turn.ts';
import { cpuPer } from './usage.ts';

/** How often memory is looked at, in ms. */
const SAMPLE_MS = 5_000;
/** How long after the last change, in ms. */
const REST_MS = 15_000;
/** Of so many changes one is a Service that comes, and the next one that goes. */
const SERVICE_EVERY = 10;

/** Memory of a proxy that follows changes at a steady rate for a long time. */
export async function measureChurn(
  contender: Contender,
  course: Course,
  minutes: number,
  progress: (text: string) => void,
): Promise<Churn> {
  const { node, api, cluster, endpoints, rate } = course;
  progress(`${contender.name}: ${rate} changes a second for ${minutes} min`);
  await node.flush();
  await using proxy = await start(contender, node);
  await coldStart(proxy, course);
  const { cpu } = proxy;
  const turn = new Turn(cluster, node.tools.backend === 'legacy');
  const next = (n: number) => {
    if (n % SERVICE_EVERY === 1) return cluster.addService(endpoints);
    return n % SERVICE_EVERY === 2 ? cluster.removeService() : turn.ofMany();
  };
  const resident: number[] = [];
  const began = now();
  let changes = 0;
  for (; changes < minutes * 60 * rate; changes++) {
    await pause(Math.max(0, began + (changes * 1000) / rate - now()));
    proxy.check();
    const { before, write, after } = next(changes);
    for (const each of [...before, write, ...after]) await api.write(each);
    if (now() - began < (resident.length + 1) * SAMPLE_MS) continue;
    resident.push(proxy.memory.now);
    if (resident.length % 60 === 0) progress(`${contender.name}: ${proxy.memory.now.toFixed(0)} MB`);
  }
  await pause(REST_MS);
  return {
    by: contender.name,
    changes,
    minutes,
    resident,
    atRest: proxy.memory.now,
    cpu: cpuPer(changes, cpu, proxy.cpu),
  };
}
