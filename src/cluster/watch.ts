import type { Conversation } from './conversation.ts';
import { ClusterError } from './errors.ts';
import { ObjectStream } from './json-stream.ts';
import type { Resource } from './resources.ts';
import { errorOfEvent, errorOfResponse } from './status.ts';
import { Watchdog } from './watchdog.ts';

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: unknown;
}

export interface WatchRequest {
  readonly resource: Resource;
  /** The version to go on from. Absent: all objects come first, then a bookmark says so (watch-list, KEP-3157). */
  readonly version: string | undefined;
  /** When the server shall end the watch. */
  readonly lastsMs: number;
  /** The server has accepted the watch. */
  readonly onOpen: () => void;
  /** What it throws ends the watch. */
  readonly onEvent: (event: WatchEvent) => void;
  /** For how many ms the watch may be silent from now on. */
  readonly patienceMs: () => number;
}

/**
 * Follows a resource until the server ends the watch in an orderly way.
 * @throws ClusterError where it ends in any other way; what `onEvent` throws
 */
export async function watch(
  { resource, version, lastsMs, onOpen, onEvent, patienceMs }: WatchRequest,
  { connection, clock, observer, timing }: Conversation,
  signal: AbortSignal,
): Promise<void> {
  const watchdog = new Watchdog(clock, signal);
  const expect = (ms: number): void =>
    watchdog.expect(
      ms,
      () =>
        new ClusterError(
          'unreachable',
          `the API server ${connection.host} cannot be reached: silent for ${ms / 1000} s in a watch of ${resource.plural}`,
        ),
    );
  try {
    expect(timing.answerMs);
    const response = await connection.request({
      path: resource.path,
      query: { ...resource.selection, ...watchQuery(version, lastsMs) },
      signal: watchdog.signal,
    });
    if (response.status !== 200) throw await errorOfResponse(response, { verb: 'watch', resource }, clock);
    onOpen();
    observer.contact(resource.kind, clock.now());
    const stream = new ObjectStream((event) => onEvent(eventOf(event, resource)));
    expect(patienceMs());
    for await (const chunk of response.body) {
      stream.push(chunk);
      observer.contact(resource.kind, clock.now());
      expect(patienceMs());
    }
    if (!stream.end()) {
      throw new ClusterError('unreachable', `the API server broke off in the middle of a watch event`);
    }
  } finally {
    watchdog.close();
  }
}

function watchQuery(version: string | undefined, lastsMs: number): Record<string, string> {
  return {
    watch: 'true',
    allowWatchBookmarks: 'true',
    timeoutSeconds: String(Math.round(lastsMs / 1000)),
    ...(version === undefined
      ? { sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan', resourceVersion: '' }
      : { resourceVersion: version }),
  };
}

function eventOf(value: unknown, resource: Resource): WatchEvent {
  const { type, object } = value as { type?: unknown; object?: unknown };
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
    case 'BOOKMARK':
      return { type, object };
    case 'ERROR':
      throw errorOfEvent(object, { verb: 'watch', resource });
    default:
      throw new ClusterError(
        'protocol',
        `the API server sent a watch event of unknown type ${JSON.stringify(type)?.slice(0, 60)}`,
      );
  }
}
