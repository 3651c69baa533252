import type { Flag } from './flag.ts';
import { IDLE_GROUP } from './flags.ts';

/** Fields that mean nothing here, each with the reason: by dotted path, or the beginning of some. */
const REASONS: readonly (readonly [path: string, reason: string])[] = [
  ['clientConnection.qps', 'one watch for each kind of object, with backoff, leaves nothing to limit'],
  ['clientConnection.burst', 'one watch for each kind of object, with backoff, leaves nothing to limit'],
  ['clientConnection.contentType', 'the API server is always asked for JSON'],
  ['clientConnection.acceptContentTypes', 'the API server is always asked for JSON'],
  ['configSyncPeriod', 'objects are followed by watching, and never delivered again without a change'],
  ['portRange', 'it was for the userspace mode'],
  ['logging.flushFrequency', 'log lines are written as they come'],
  ['logging.vmodule', 'verbosity is one for the whole program, see -v'],
  ['logging.options', 'log lines are written as they come, to one stream'],
];

/** Why the field of this dotted path has no effect, or undefined for one that has. */
export function idleFieldReason(path: string): string | undefined {
  return REASONS.find(([start]) => path === start || path.startsWith(`${start}.`))?.[1];
}

/** Why the flag has no effect, or undefined for one that has. */
export function idleFlagReason(flag: Flag): string | undefined {
  const path = flag.target.in === 'config' ? flag.target.paths[0] : undefined;
  if (path !== undefined) return idleFieldReason(path);
  return flag.group === IDLE_GROUP ? 'log lines are written as they come, to one stream' : undefined;
}
