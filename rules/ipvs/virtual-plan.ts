import { compareText } from '../topology.ts';
import { isDraining, realServer, serverOf } from './objects.ts';

/** What brings one virtual server to its desired state. */
export interface VirtualChange {
  /** Lines of ipvsadm that add or open something. */
  readonly additions: readonly string[];
  readonly removals: readonly string[];
  /** What the kernel has afterwards; undefined: nothing. */
  readonly text: string | undefined;
}

/**
 * Compares a virtual server with what is there. A TCP real server that is no longer wanted drains: it gets weight 0
 * and keeps its connections, until it is said to be drained. Others go at once.
 * @param service as ipvsadm takes it: `-t 10.96.0.1:443`
 * @returns undefined where there is nothing to do
 */
export function planVirtual(
  service: string,
  desired: string | undefined,
  actual: string | undefined,
  drains: boolean,
  isDrained: (server: string) => boolean,
): VirtualChange | undefined {
  if (desired === undefined) {
    return actual === undefined ? undefined : { additions: [], removals: [`-D ${service}`], text: undefined };
  }
  if (desired === actual) return undefined;
  const [options = '', ...wanted] = desired.split('\n');
  const [actualOptions, ...present] = actual?.split('\n') ?? [];
  const additions: string[] = [];
  const removals: string[] = [];
  if (options !== actualOptions) {
    additions.push(`-${actual === undefined ? 'A' : 'E'} ${service} ${options}`);
  }
  const there = new Map(present.map((real) => [serverOf(real), real]));
  for (const real of wanted) {
    const server = serverOf(real);
    const before = there.get(server);
    there.delete(server);
    if (before !== real) additions.push(`-${before === undefined ? 'a' : 'e'} ${service} ${real}`);
  }
  const draining: string[] = [];
  for (const [server, real] of there) {
    if (!drains || (isDraining(real) && isDrained(server))) {
      removals.push(`-d ${service} -r ${server}`);
      continue;
    }
    const last = realServer(server, 0);
    if (real !== last) removals.push(`-e ${service} ${last}`);
    draining.push(last);
  }
  if (additions.length + removals.length === 0) return undefined;
  return { additions, removals, text: [options, ...[...wanted, ...draining].sort(compareText)].join('\n') };
}
