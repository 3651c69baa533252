import { mkdir } from 'node:fs/promises';
import type { BenchNode } from './bench-node.ts';
import { makeChange } from './changes.ts';
import type { Change } from './cluster.ts';
import { type Contender, type Course, start } from './course.ts';
import type { ProxyProcess } from './proxy-process.ts';
import { type Payload, payloadLines, Recorder } from './recorder.ts';
import { coldStart } from './starts.ts';
import { Turn } from './turn.ts';

/** What a proxy gave to the restore tools, one entry for each time. */
export interface Recording {
  readonly coldStart: readonly Payload[];
  readonly endpointChanges: readonly (readonly Payload[])[];
  readonly additions: readonly (readonly Payload[])[];
  readonly removals: readonly (readonly Payload[])[];
  readonly restart: readonly Payload[];
}

/** Runs a proxy once over a short course with tools that take down what they are given. Nothing is timed. */
export async function recordPayloads(
  contender: Contender,
  course: Course,
  progress: (text: string) => void,
): Promise<Recording> {
  const { node, cluster, endpoints } = course;
  progress(`${contender.name}: recording payloads`);
  const [recorder, recorded] = await withRecorder(contender, node);
  const turn = new Turn(cluster, node.tools.backend === 'legacy');
  await node.flush();
  let recording: Omit<Recording, 'restart'>;
  {
    await using proxy = await start(recorded, node);
    await coldStart(proxy, course);
    recording = {
      coldStart: await recorder.take(),
      endpointChanges: await recordChanges(recorder, proxy, course, () => turn.one()),
      additions: await recordChanges(recorder, proxy, course, () => cluster.addService(endpoints)),
      removals: await recordChanges(recorder, proxy, course, () => cluster.removeService()),
    };
  }
  await using proxy = await start(recorded, node);
  await proxy.idle();
  return { ...recording, restart: await recorder.take() };
}

/** The same, of a cluster whose first Service is a big one, when only that changes. */
export async function recordBigService(
  contender: Contender,
  course: Course,
): Promise<Pick<Recording, 'coldStart' | 'endpointChanges'>> {
  const { node, cluster } = course;
  const [recorder, recorded] = await withRecorder(contender, node);
  await node.flush();
  await using proxy = await start(recorded, node);
  await coldStart(proxy, course);
  return {
    coldStart: await recorder.take(),
    endpointChanges: await recordChanges(recorder, proxy, course, () => cluster.replaceEndpoint(0)),
  };
}

async function withRecorder(contender: Contender, node: BenchNode): Promise<readonly [Recorder, Contender]> {
  const folder = node.file('recorder');
  await mkdir(folder);
  const recorder = await Recorder.create(folder);
  return [recorder, { ...contender, path: recorder.path }];
}

async function recordChanges(
  recorder: Recorder,
  proxy: ProxyProcess,
  course: Course,
  next: () => Change,
): Promise<readonly (readonly Payload[])[]> {
  const payloads: (readonly Payload[])[] = [];
  for (let i = 0; i < TIMES; i++) {
    await makeChange(next(), proxy, course);
    await proxy.idle();
    payloads.push(await recorder.take());
  }
  return payloads;
}

/** How often each kind of change is recorded, and later given to the bare tool. */
const TIMES = 10;

/** Lines of payload on average. */
export function averageLines(times: readonly (readonly Payload[])[]): number {
  const lines = times.flat().reduce((sum, payload) => sum + payloadLines(payload), 0);
  return lines / times.length;
}
