import { measureChanges, measureStream } from './changes.ts';
import { type Contender, type Course, start } from './course.ts';
import type { ProxyProcess } from './proxy-process.ts';
import type { Measurement, MemoryUse } from './result.ts';
import { coldStart, measurement, measureRestarts, type Start } from './starts.ts';
import { Turn } from './turn.ts';

export interface ContenderResult {
  readonly measurements: readonly Measurement[];
  readonly memory: MemoryUse;
  /** All rules after the last cold start, as iptables-save prints them. */
  readonly rules: string;
}

/** Measures a proxy from outside, from cold starts to restarts. Its rules are in the kernel when it ends. */
export async function measureContender(
  contender: Contender,
  course: Course,
  progress: (text: string) => void,
): Promise<ContenderResult> {
  const { node, starts } = course;
  const measurements: Measurement[] = [];
  progress(`${contender.name}: ${starts} cold starts`);
  const coldStarts: Start[] = [];
  for (let i = 1; i < starts; i++) {
    await node.flush();
    await using proxy = await start(contender, node);
    coldStarts.push(await coldStart(proxy, course));
  }
  let memory: MemoryUse;
  let rules: string;
  {
    await node.flush();
    await using proxy = await start(contender, node);
    coldStarts.push(await coldStart(proxy, course));
    rules = await node.save();
    const afterStart = proxy.memory.now;
    measurements.push(
      measurement('cold start', contender.name, coldStarts),
      ...(await measureSteadyState(contender.name, proxy, course, progress)),
    );
    const { peak, now: afterChanges } = proxy.memory;
    const { child, all } = proxy.peaks;
    memory = { by: contender.name, afterStart, afterChanges, peak, peakOfChild: child, peakOfAll: all };
  }
  progress(`${contender.name}: restarts`);
  measurements.push(...(await measureRestarts(contender, course)));
  return { measurements, memory, rules };
}

async function measureSteadyState(
  name: string,
  proxy: ProxyProcess,
  course: Course,
  progress: (text: string) => void,
): Promise<readonly Measurement[]> {
  const { node, cluster, changes, additions, endpoints, rate, seconds } = course;
  const turn = new Turn(cluster, node.tools.backend === 'legacy');
  progress(`${name}: ${changes} endpoints change`);
  const changed = await measureChanges('one endpoint changed', name, proxy, course, changes, () =>
    turn.one(),
  );
  progress(`${name}: ${additions} Services come and go`);
  const added = await measureChanges('one Service added', name, proxy, course, additions, () =>
    cluster.addService(endpoints),
  );
  const removed = await measureChanges('one Service removed', name, proxy, course, additions, () =>
    cluster.removeService(),
  );
  progress(`${name}: ${rate} changes a second for ${seconds} s`);
  const streamed = await measureStream(name, proxy, course, () => turn.ofMany());
  return [changed, added, removed, streamed];
}
