import { readObjects } from '../cluster/files.ts';
import type { Tracker } from '../tracker/tracker.ts';
import { readInput } from './input.ts';

/**
 * Reads all objects of the files (`-` is standard input) into the tracker.
 * @param warn takes a line for each thing in a file that is no object
 * @throws UsageError where a file cannot be read or does not parse
 */
export function readFilesInto(
  tracker: Tracker,
  files: readonly string[],
  warn: (message: string) => void = () => {},
): void {
  for (const file of files) {
    const { source, text } = readInput('--from', file);
    for (const { kind, object } of readObjects(text, source, warn)) tracker.upsert(kind, object);
  }
  for (const kind of ['Service', 'EndpointSlice', 'Node', 'ServiceCIDR'] as const) tracker.synced(kind);
}
