/** What `node --cpu-prof` writes, as far as it is needed here. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  /** Node ids, one for each sample. */
  readonly samples: readonly number[];
  /** µs since the sample before; of the first, since the start. */
  readonly timeDeltas: readonly number[];
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
}

export interface SelfTime {
  /** The function's name, with where it stands for those that have none. */
  readonly name: string;
  readonly ms: number;
}

/**
 * In which functions the time went: their own time, without that of what they call, most first. Waiting is left out.
 * @param from ms since the start of the profile; what was before does not count
 */
export function selfTimes({ nodes, samples, timeDeltas }: CpuProfile, from = 0): readonly SelfTime[] {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const times = new Map<string, number>();
  let at = 0;
  for (const [i, sample] of samples.entries()) {
    at += (timeDeltas[i] ?? 0) / 1000;
    // A sample stands for the time until the next one.
    const ms = (timeDeltas[i + 1] ?? 0) / 1000;
    const name = names.get(sample) ?? '';
    if (at >= from) times.set(name, (times.get(name) ?? 0) + ms);
  }
  for (const idle of ['(idle)', '(root)']) times.delete(idle);
  return [...times].map(([name, ms]) => ({ name, ms })).sort((a, b) => b.ms - a.ms);
}

function nameOf({ functionName, url, lineNumber }: ProfileNode['callFrame']): string {
  if (functionName !== '' && !url.startsWith('node:')) return functionName;
  const file = url.slice(url.lastIndexOf('/') + 1);
  return `${functionName || '(anonymous)'} ${file}:${lineNumber + 1}`;
}
