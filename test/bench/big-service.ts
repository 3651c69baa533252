import { measureChanges, measureStream } from './changes.ts';
import { type Contender, type Course, start } from './course.ts';
import type { Measurement } from './result.ts';
import { coldStart } from './starts.ts';

export const BIG_CHANGE = 'one of many endpoints of a Service changed';
const CHANGES = 30;

/** Pods of the first Service, which has thousands, are replaced: one after the other, then at a steady rate. */
export async function measureBigService(
  contender: Contender,
  course: Course,
  progress: (text: string) => void,
): Promise<readonly Measurement[]> {
  const { node, cluster, rate, seconds } = course;
  const next = () => cluster.replaceEndpoint(0, true);
  progress(`${contender.name}: ${CHANGES} changes of one big Service`);
  await node.flush();
  await using proxy = await start(contender, node);
  await coldStart(proxy, course);
  const changed = await measureChanges(BIG_CHANGE, contender.name, proxy, course, CHANGES, next);
  progress(`${contender.name}: ${rate} changes a second of one big Service for ${seconds} s`);
  const streamed = await measureStream(contender.name, proxy, course, next);
  return [changed, { ...streamed, case: 'steady stream of changes of one big Service' }];
}
