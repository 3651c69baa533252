import { mkdir } from 'node:fs/promises';
import { makeChange } from './changes.ts';
import type { Change } from './cluster.ts';
import { type Contender, type Course, start } from './course.ts';
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
  const folder = node.file('recorder');
  await mkdir(folder);
  const recorder = await Recorder.create(folder);
  const recorded = { ...contender, path: recorder.path };
  const turn = new Turn(cluster, node.backend === 'legacy');
  await node.flush();
  let recording: Omit<Recording, 'restart'>;
  {
    await using proxy = await start(recorded, node);
    await coldStart(proxy, course);
    const each = async (count: number, next: () => Change) => {
      const payloads: (readonly Payload[])[] = [];
      for (let i = 0; i < count; i++) {
        await makeChange(next(), proxy, course);
        await proxy.idle();
        payloads.push(await recorder.take());
      }
      return payloads;
    };
    recording = {
      coldStart: await recorder.take(),
      endpointChanges: await each(TIMES, () => turn.one()),
      additions: await each(TIMES, () => cluster.addService(endpoints)),
      removals: await each(TIMES, () => cluster.removeService()),
    };
  }
  await using proxy = await start(recorded, node);
  await proxy.idle();
  return { ...recording, restart: await recorder.take() };
}

/** How often each kind of change is recorded, and later given to the bare tool. */
const TIMES = 10;

/** Lines of payload on average. */
export function averageLines(times: readonly (readonly Payload[])[]): number {
  const lines = times.flat().reduce((sum, payload) => sum + payloadLines(payload), 0);
  return lines / times.length;
}
