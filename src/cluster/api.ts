import { type Clock, pause, systemClock } from './clock.ts';
import type { Connection } from './connection.ts';
import type { Conversation } from './conversation.ts';
import { ClusterError } from './errors.ts';
import { listInto } from './list.ts';
import { Mirror } from './mirror.ts';
import { type Logger, noObserver, type Observer } from './observer.ts';
import { Reflector } from './reflector.ts';
import { clusterResources, type Resource } from './resources.ts';
import type { ObjectSink } from './source.ts';
import { defaultTiming, type Timing } from './timing.ts';
import { TroubleLog } from './trouble-log.ts';

export interface ClusterOptions {
  /** Is not closed here. */
  readonly connection: Connection;
  readonly sink: ObjectSink;
  /** The one Node to follow. Where the cluster has none of that name, Nodes are synced with nothing. */
  readonly nodeName: string;
  /** Follow ServiceCIDRs too. Where the server does not have or give them, they are synced with nothing. */
  readonly serviceCIDRs: boolean;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly observer?: Observer;
  readonly timing?: Partial<Timing>;
  readonly clock?: Clock;
  /** Uniform in [0, 1): spreads the requests of many nodes over time. @default Math.random */
  readonly random?: () => number;
}

/**
 * Keeps the sink equal to the cluster until the signal aborts, then resolves. No trouble with the API server ends it.
 * Rejects only with what the sink throws.
 */
export async function followCluster(options: ClusterOptions): Promise<void> {
  const { sink, logger, random = Math.random } = options;
  const conversation = conversationOf(options);
  const trouble = new TroubleLog(logger, conversation.clock);
  await forAll(options, (resource, signal) => {
    return new Reflector({ resource, sink, conversation, trouble, logger, random }).run(signal);
  });
}

/** Attempts at a list before a one-shot reading gives up, where the server asks for patience. */
const ATTEMPTS = 3;

/**
 * Passes everything to the sink once, and resolves when all kinds are synced.
 * @throws ClusterError at the first failure; the signal's reason when it aborts
 */
export async function listCluster(options: ClusterOptions): Promise<void> {
  const conversation = conversationOf(options);
  await forAll(options, (resource, signal) => listOnce(resource, options, conversation, signal));
  options.signal.throwIfAborted();
}

async function listOnce(
  resource: Resource,
  { sink, logger }: ClusterOptions,
  conversation: Conversation,
  signal: AbortSignal,
): Promise<void> {
  const mirror = new Mirror(resource.kind, sink);
  for (let attempt = 1; ; attempt++) {
    try {
      await listInto(mirror, resource, conversation, signal);
      return;
    } catch (error) {
      if (!(error instanceof ClusterError) || signal.aborted) throw error;
      if (resource.optional && (error.code === 'absent' || error.code === 'forbidden')) {
        logger.info({ kind: resource.kind, code: error.code }, `${error.message}; going on without`);
        mirror.endList();
        return;
      }
      const passing = error.code === 'unavailable' || error.code === 'expired';
      if (!passing || attempt === ATTEMPTS) throw error;
      const { retryAfterMaxMs, backoffMinMs } = conversation.timing;
      const wait = Math.min(error.retryAfterMs ?? backoffMinMs, retryAfterMaxMs);
      logger.debug({ kind: resource.kind, code: error.code }, `${error.message}; trying again in ${wait} ms`);
      await pause(conversation.clock, wait, signal);
    }
  }
}

/** Runs all resources side by side. The first that fails ends the others, and its error is thrown. */
async function forAll(
  { nodeName, serviceCIDRs, signal }: ClusterOptions,
  run: (resource: Resource, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const controller = new AbortController();
  const onAbort = (): void => controller.abort(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort);
  let failure: { error: unknown } | undefined;
  const guarded = async (resource: Resource): Promise<void> => {
    try {
      await run(resource, controller.signal);
    } catch (error) {
      failure ??= { error };
      controller.abort(error);
    }
  };
  await Promise.all(clusterResources(nodeName, serviceCIDRs).map(guarded));
  signal.removeEventListener('abort', onAbort);
  if (failure !== undefined) throw failure.error;
}

function conversationOf(options: ClusterOptions): Conversation {
  return {
    connection: options.connection,
    clock: options.clock ?? systemClock,
    observer: options.observer ?? noObserver,
    timing: { ...defaultTiming, ...options.timing },
  };
}
