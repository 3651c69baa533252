import { readFileSync } from 'node:fs';
import { readObjects } from '../cluster/files.ts';
import { UsageError } from '../config/usage.ts';
import type { Tracker } from '../tracker/tracker.ts';

/**
 * Reads all objects of the files (`-` is standard input) into the tracker.
 * @throws UsageError where a file cannot be read or does not parse
 */
export function readFilesInto(tracker: Tracker, files: readonly string[]): void {
  for (const file of files) {
    const [source, text] =
      file === '-' ? ['(standard input)', readText(0, file)] : [file, readText(file, file)];
    for (const { kind, object } of readObjects(text, source)) tracker.upsert(kind, object);
  }
  for (const kind of ['Service', 'EndpointSlice', 'Node', 'ServiceCIDR'] as const) tracker.synced(kind);
}

function readText(path: string | number, name: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`--from ${name}: cannot be read: ${(error as Error).message}`, { cause: error });
  }
}
