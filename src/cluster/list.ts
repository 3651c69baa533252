import type { Conversation } from './conversation.ts';
import { ClusterError } from './errors.ts';
import { ListStream } from './json-stream.ts';
import { type Mirror, metadataOf } from './mirror.ts';
import type { Resource } from './resources.ts';
import { errorOfResponse } from './status.ts';
import { Watchdog } from './watchdog.ts';

/** Objects in one answer: what kubectl and client-go ask for. */
const PAGE_LIMIT = 500;

/**
 * Lists all of a resource into the mirror, page by page and object by object. The list is consistent and never
 * from before what was seen earlier, because no version is named.
 * @returns the resource version of the list, from which a watch goes on
 * @throws ClusterError
 */
export async function listInto(
  mirror: Mirror,
  resource: Resource,
  conversation: Conversation,
  signal: AbortSignal,
): Promise<string> {
  try {
    return await listPages(PAGE_LIMIT, mirror, resource, conversation, signal);
  } catch (error) {
    if (!(error instanceof PagingExpired)) throw error;
    // It took longer than the server remembers. In one piece the same cannot happen.
    return listPages(undefined, mirror, resource, conversation, signal);
  }
}

/** The version that the server is at now, for the price of one object. @throws ClusterError */
export async function currentVersion(
  resource: Resource,
  conversation: Conversation,
  signal: AbortSignal,
): Promise<string> {
  const page = await listPage({ limit: '1' }, () => {}, resource, conversation, signal);
  return page.version;
}

async function listPages(
  limit: number | undefined,
  mirror: Mirror,
  resource: Resource,
  conversation: Conversation,
  signal: AbortSignal,
): Promise<string> {
  const upsert = (item: unknown): void => mirror.upsert(item);
  let query: Record<string, string> = limit === undefined ? {} : { limit: String(limit) };
  mirror.beginList();
  for (;;) {
    const page = await listPage(query, upsert, resource, conversation, signal).catch((error: unknown) => {
      const expired = error instanceof ClusterError && error.code === 'expired';
      throw expired && query['continue'] !== undefined ? new PagingExpired() : error;
    });
    if (page.next === '') {
      mirror.endList();
      return page.version;
    }
    query = { ...query, continue: page.next };
  }
}

/** Never leaves this file. */
class PagingExpired extends Error {}

interface Page {
  readonly version: string;
  /** Empty: this was the last page. */
  readonly next: string;
}

async function listPage(
  query: Readonly<Record<string, string>>,
  emit: (item: unknown) => void,
  resource: Resource,
  { connection, clock, observer, timing }: Conversation,
  signal: AbortSignal,
): Promise<Page> {
  const watchdog = new Watchdog(clock, signal);
  const expect = (): void =>
    watchdog.expect(
      timing.answerMs,
      () =>
        new ClusterError(
          'unreachable',
          `the API server ${connection.host} cannot be reached: no answer to a list of ${resource.plural} for ${timing.answerMs / 1000} s`,
        ),
    );
  try {
    expect();
    const response = await connection.request({
      path: resource.path,
      query: { ...resource.selection, ...query },
      gzip: true,
      signal: watchdog.signal,
    });
    if (response.status !== 200) throw await errorOfResponse(response, { verb: 'list', resource }, clock);
    const stream = new ListStream(emit);
    for await (const chunk of response.body) {
      expect();
      stream.push(chunk);
    }
    const { resourceVersion, continue: next } = metadataOf(stream.end());
    if (typeof resourceVersion !== 'string') {
      throw new ClusterError(
        'protocol',
        `the API server's list of ${resource.plural} has no resource version`,
      );
    }
    observer.contact(resource.kind, clock.now());
    return { version: resourceVersion, next: typeof next === 'string' ? next : '' };
  } finally {
    watchdog.close();
  }
}
