import { Backoff } from './backoff.ts';
import { pause } from './clock.ts';
import type { Conversation } from './conversation.ts';
import { ClusterError } from './errors.ts';
import { currentVersion, listInto } from './list.ts';
import { isOlder, Mirror, metadataOf } from './mirror.ts';
import type { Logger, RelistReason } from './observer.ts';
import type { Resource } from './resources.ts';
import type { ObjectSink } from './source.ts';
import type { TroubleLog } from './trouble-log.ts';
import { type WatchEvent, watch } from './watch.ts';

export interface ReflectorOptions {
  readonly resource: Resource;
  readonly sink: ObjectSink;
  readonly conversation: Conversation;
  readonly trouble: TroubleLog;
  readonly logger: Logger;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** How servers without watch-list refuse it: unknown or forbidden parameters. */
const WATCH_LIST_REFUSALS: ReadonlySet<number | undefined> = new Set([400, 405, 406, 415, 422]);
/** A watch that the server ends sooner, with nothing in it, was none. */
const SHORT_WATCH_MS = 1_000;
/** An API server that ends watches so much before their time is shutting down. */
const EARLY_END_MS = 10_000;
/** Broken watches in a row that are worth a warning; before, the retry usually mends it. */
const BROKEN_WATCHES = 3;

/**
 * Keeps a sink equal to one resource of the cluster, through every kind of trouble: lists once, follows changes, and
 * lists again only when the server has forgotten where we were. What the sink gets is always the difference.
 */
export class Reflector {
  readonly #options: ReflectorOptions;
  readonly #mirror: Mirror;
  readonly #backoff: Backoff;
  /** Where a watch goes on. Absent: a list is due. */
  #version: string | undefined;
  #reason: RelistReason = 'start';
  /** Since when contact is lost, in ms since the epoch: the server may come back with another history. */
  #lostAt: number | undefined;
  #watchList = true;
  /** How far the watch in hand has come. */
  #stage: 'asked' | 'initial' | 'following' = 'asked';
  /** Something was heard beyond the first list. */
  #progress = false;
  #broken = 0;
  #noted = false;

  constructor(options: ReflectorOptions) {
    this.#options = options;
    this.#mirror = new Mirror(options.resource.kind, options.sink);
    this.#backoff = new Backoff(options.conversation.timing, options.random);
  }

  /** Runs until the signal aborts. Rejects only with what the sink throws. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, timing } = this.#options.conversation;
    while (!signal.aborted) {
      const began = clock.now();
      let delay = 0;
      try {
        this.#begin();
        await this.#round(signal);
        if (!this.#progress && clock.now() - began < SHORT_WATCH_MS) throw this.#shortWatch();
        this.#succeeded();
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof ClusterError)) throw error;
        const held = this.#stage === 'following' && clock.now() - began > timing.backoffMaxMs;
        if (this.#progress || held) this.#succeeded();
        delay = this.#delayAfter(error);
      }
      if (delay > 0) await pause(clock, delay, signal);
    }
  }

  #begin(): void {
    this.#stage = 'asked';
    this.#progress = false;
  }

  /** Catches up, and follows until the server ends the watch. */
  async #round(signal: AbortSignal): Promise<void> {
    const { resource, conversation } = this.#options;
    if (this.#version !== undefined && this.#lostAt !== undefined) {
      await this.#checkHistory(this.#version, this.#lostAt, signal);
    }
    if (this.#version === undefined) {
      if (this.#watchList && (await this.#watchListed(signal))) return;
      this.#begin();
      const version = await listInto(this.#mirror, resource, conversation, signal);
      this.#listed(version);
    }
    await this.#watch(this.#version, signal);
  }

  /** @returns false where the server has no watch-list: then a list must do */
  async #watchListed(signal: AbortSignal): Promise<boolean> {
    try {
      await this.#watch(undefined, signal);
      if (this.#version !== undefined) return true;
    } catch (error) {
      if (!(error instanceof ClusterError) || signal.aborted) throw error;
      const refused = this.#stage === 'asked' && WATCH_LIST_REFUSALS.has(error.status);
      const gaveUp = this.#stage === 'initial' && error.status !== undefined;
      if (this.#stage === 'initial') this.#watchList = false;
      if (!refused && !gaveUp) throw error;
      this.#options.logger.debug({ kind: this.#options.resource.kind }, `${error.message}; listing instead`);
    }
    this.#watchList = false;
    return false;
  }

  async #watch(version: string | undefined, signal: AbortSignal): Promise<void> {
    const { resource, conversation, random } = this.#options;
    const { watchMinMs, watchMaxMs, answerMs, silenceMs } = conversation.timing;
    this.#stage = 'asked';
    if (version === undefined) this.#mirror.beginList();
    const request = {
      resource,
      version,
      lastsMs: watchMinMs + random() * (watchMaxMs - watchMinMs),
      onOpen: () => {
        this.#stage = version === undefined ? 'initial' : 'following';
        if (this.#stage === 'following' && this.#broken < BROKEN_WATCHES) this.#recovered();
      },
      onEvent: (event: WatchEvent) => this.#take(event),
      patienceMs: () => (this.#stage === 'initial' ? answerMs : silenceMs),
    };
    const began = conversation.clock.now();
    await watch(request, conversation, signal);
    if (conversation.clock.now() - began < request.lastsMs - EARLY_END_MS) this.#lost();
  }

  #take({ type, object }: WatchEvent): void {
    const version = metadataOf(object)['resourceVersion'];
    if (this.#stage === 'following' && typeof version === 'string') this.#advance(version);
    if (type === 'BOOKMARK') {
      if (this.#stage === 'initial' && typeof version === 'string' && endsInitialEvents(object)) {
        this.#mirror.endList();
        this.#listed(version);
      }
    } else if (type === 'DELETED') {
      this.#mirror.delete(object);
    } else {
      this.#mirror.upsert(object);
    }
  }

  #advance(version: string): void {
    if (this.#version !== undefined && isOlder(version, this.#version)) throw this.#otherHistory(version);
    this.#version = version;
    this.#progress = true;
    this.#broken = 0;
    this.#recovered();
  }

  #listed(version: string): void {
    const { conversation, resource, logger } = this.#options;
    this.#version = version;
    this.#stage = 'following';
    this.#lostAt = undefined;
    logger.debug({ kind: resource.kind, count: this.#mirror.size, version, reason: this.#reason }, 'listed');
    conversation.observer.listed(resource.kind, this.#reason);
    this.#reason = 'expired';
    this.#noted = false;
    if (this.#broken < BROKEN_WATCHES) this.#recovered();
  }

  #lost(): void {
    this.#lostAt ??= this.#options.conversation.clock.now();
  }

  /** Before a watch goes on from a version: does it still mean what it meant? */
  async #checkHistory(version: string, lostAt: number, signal: AbortSignal): Promise<void> {
    const { resource, conversation } = this.#options;
    const current = await currentVersion(resource, conversation, signal);
    this.#lostAt = undefined;
    if (isOlder(current, version)) {
      this.#otherHistory(current);
    } else if (conversation.clock.now() - lostAt > conversation.timing.absenceMs) {
      this.#distrust('absence');
    }
  }

  #otherHistory(version: string): ClusterError {
    const message = `the API server has gone back from version ${this.#version} to ${version} (restored, or replaced): listing again`;
    this.#options.logger.info({ kind: this.#options.resource.kind }, message);
    this.#distrust('history');
    return new ClusterError('expired', message);
  }

  /** Another history may use the same versions again for other contents. */
  #distrust(reason: RelistReason): void {
    this.#mirror.distrust();
    this.#version = undefined;
    this.#reason = reason;
  }

  #shortWatch(): ClusterError {
    const { plural } = this.#options.resource;
    return new ClusterError('protocol', `the API server ends watches of ${plural} as soon as they begin`);
  }

  #succeeded(): void {
    this.#backoff.reset();
    this.#broken = 0;
  }

  #recovered(): void {
    this.#options.trouble.recovered(this.#options.resource.kind);
  }

  /** Draws the conclusions from a failure. @returns ms to wait before the next attempt */
  #delayAfter(error: ClusterError): number {
    const { conversation, trouble, logger, resource } = this.#options;
    const { kind } = resource;
    if (error.code === 'expired') {
      logger.debug({ kind }, error.message);
      this.#version = undefined;
      const first = this.#backoff.failures === 0;
      const delay = this.#backoff.next();
      return first ? 0 : delay;
    }
    if (this.#doesWithout(error)) {
      return conversation.timing.optionalRetryMs * (0.5 + this.#options.random());
    }
    this.#lost();
    if (this.#stage === 'asked') {
      if (error.code === 'unreachable') this.#watchList = true;
      trouble.failed(kind, error);
    } else if (++this.#broken >= BROKEN_WATCHES) {
      trouble.failed(kind, error);
    } else {
      logger.debug({ kind, code: error.code }, error.message);
    }
    const asked = Math.min(error.retryAfterMs ?? 0, conversation.timing.retryAfterMaxMs);
    const delay = this.#backoff.next();
    return asked > delay ? asked + delay : delay;
  }

  /** An optional resource that is not there (404) is as good as empty; so is one that never was readable (403). */
  #doesWithout(error: ClusterError): boolean {
    const { resource, logger } = this.#options;
    const without = error.code === 'absent' || (error.code === 'forbidden' && this.#mirror.size === 0);
    if (!resource.optional || !without) return false;
    if (!this.#noted)
      logger.info({ kind: resource.kind, code: error.code }, `${error.message}; going on without`);
    this.#noted = true;
    this.#version = undefined;
    this.#mirror.beginList();
    this.#mirror.endList();
    return true;
  }
}

function endsInitialEvents(bookmark: unknown): boolean {
  const annotations = metadataOf(bookmark)['annotations'] as Readonly<Record<string, unknown>> | undefined;
  return annotations?.['k8s.io/initial-events-end'] === 'true';
}
