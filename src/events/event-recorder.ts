import { type Clock, pause } from '../cluster/clock.ts';
import type { Connection } from '../cluster/connection.ts';
import type { Logger } from '../cluster/observer.ts';
import type { EventLoss } from '../metrics/fairlead-metrics.ts';
import { Wakeup } from '../wakeup.ts';
import { type EventReport, microTime } from './event.ts';
import { EventApi, type Outcome, type PostedEvent } from './event-api.ts';
import { type Rate, TokenBucket, TokenBuckets } from './token-bucket.ts';

export interface EventRecorderOptions {
  readonly connection: Pick<Connection, 'request'>;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** An Event will not be posted: for metrics. */
  readonly lost?: (reason: EventLoss) => void;
}

/** Events about one object: as client-go has it. */
const OBJECT_RATE: Rate = { burst: 25, refill: 300_000 };
/** Events of this node: a problem that all Services share is not worth thousands of them. */
const NODE_RATE: Rate = { burst: 25, refill: 1_000 };
const MAX_OBJECTS = 1024;
const MAX_QUEUE = 256;
const RETRY_MS = 10_000;
const MAX_RETRY_MS = 60_000;
const MAX_ATTEMPTS = 12;
/** An Event that was not repeated for so long is over: the next one is new. */
const SERIES_ENDS_MS = 360_000;
/** A series that goes on is brought up to date so often. */
const SERIES_REFRESH_MS = 1_800_000;

/**
 * Posts Events, in the background and within limits. What repeats becomes a series, counted in one Event: its first
 * repetition is posted at once, further ones now and then. Nothing that goes wrong here is anybody else's concern.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #api: EventApi;
  readonly #rates = new TokenBuckets(OBJECT_RATE, MAX_OBJECTS);
  readonly #nodeRate: TokenBucket;
  /** What happened of late, by what makes Events the same. */
  readonly #entries = new Map<string, Entry>();
  readonly #queue = new Set<Entry>();
  readonly #wakeup = new Wakeup();
  readonly #stop = new AbortController();
  #cancelReview: (() => void) | undefined;
  #running: Promise<void> | undefined;
  /** The trouble that was logged, and not got over. */
  #trouble: string | undefined;

  constructor(options: EventRecorderOptions) {
    const { connection, nodeName, clock } = options;
    this.#options = options;
    this.#api = new EventApi(connection, nodeName, clock);
    this.#nodeRate = new TokenBucket(NODE_RATE, clock.now());
  }

  /** Takes note; returns at once and never throws. */
  event(report: EventReport): void {
    if (this.#stop.signal.aborted) return;
    const now = this.#options.clock.now();
    const { kind, namespace, name } = report.regarding;
    const object = `${kind} ${namespace ?? ''}/${name}`;
    const key = [report.type, report.reason, report.action, object, report.note].join('\n');
    const known = this.#entries.get(key);
    if (known) {
      known.count += 1;
      known.lastSeen = now;
      if (known.count === 2) this.#enqueue(known);
      return;
    }
    if (!this.#rates.take(object, now)) {
      this.#lose('rate');
      return;
    }
    if (this.#queue.size >= MAX_QUEUE) {
      this.#lose('queue');
      return;
    }
    const entry: Entry = {
      key,
      report,
      firstSeen: now,
      lastSeen: now,
      count: 1,
      posted: undefined,
      told: 0,
      toldAt: now,
    };
    this.#entries.set(key, entry);
    this.#enqueue(entry);
    this.#scheduleReview();
  }

  /** Drops what has not been posted. Resolves when nothing is under way any more. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#cancelReview?.();
    await this.#running;
  }

  #enqueue(entry: Entry): void {
    this.#queue.add(entry);
    this.#wakeup.notify();
    this.#running ??= this.#run(this.#stop.signal);
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (await this.#wakeup.wait(signal)) {
      for (const entry of this.#queue) {
        const wait = this.#nodeRate.wait(clock.now());
        if (wait > 0) await pause(clock, wait, signal);
        if (signal.aborted) return;
        this.#nodeRate.take(clock.now());
        this.#queue.delete(entry);
        await this.#deliver(entry, signal);
        if (signal.aborted) return;
      }
    }
  }

  async #deliver(entry: Entry, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    for (let attempt = 1; ; attempt++) {
      const outcome = await this.#tell(entry, signal);
      if (signal.aborted) return;
      if (outcome.kind === 'done' || outcome.kind === 'gone') {
        this.#recovered();
        return;
      }
      this.#troubled(outcome.message);
      if (outcome.kind === 'refused' || attempt === MAX_ATTEMPTS) {
        if (!entry.posted) this.#entries.delete(entry.key);
        this.#lose('refused');
        return;
      }
      await pause(clock, Math.min(outcome.after ?? RETRY_MS, MAX_RETRY_MS), signal);
      if (signal.aborted) return;
    }
  }

  /** Brings the API server up to date about one Event. */
  async #tell(entry: Entry, signal: AbortSignal): Promise<Outcome> {
    const { clock } = this.#options;
    if (!entry.posted) {
      entry.prepared ??= this.#api.prepare(entry.report, entry.firstSeen);
      const { posted, object } = entry.prepared;
      const outcome = await this.#api.create(posted, object, signal);
      if (outcome.kind !== 'done') return outcome;
      entry.posted = posted;
      entry.prepared = undefined;
      entry.told = 1;
      entry.toldAt = clock.now();
    }
    if (entry.count <= entry.told) return { kind: 'done' };
    const { count, lastSeen } = entry;
    const series = { count, lastObservedTime: microTime(lastSeen) };
    const outcome = await this.#api.repeat(entry.posted, series, signal);
    if (outcome.kind === 'later') return outcome;
    entry.told = count;
    entry.toldAt = clock.now();
    // The API server forgets Events after an hour: the next one is new.
    if (outcome.kind === 'gone') this.#entries.delete(entry.key);
    return outcome;
  }

  #scheduleReview(): void {
    this.#cancelReview ??= this.#options.clock.after(SERIES_ENDS_MS, () => {
      this.#cancelReview = undefined;
      this.#review();
    });
  }

  /** Ends series, and brings those that go on up to date. */
  #review(): void {
    const now = this.#options.clock.now();
    for (const entry of this.#entries.values()) {
      const over = now - entry.lastSeen >= SERIES_ENDS_MS;
      if (over && entry.posted) this.#entries.delete(entry.key);
      const due = over || now - entry.toldAt >= SERIES_REFRESH_MS;
      if (due && entry.posted && entry.count > entry.told) this.#enqueue(entry);
    }
    if (this.#entries.size > 0) this.#scheduleReview();
  }

  #lose(reason: EventLoss): void {
    this.#options.lost?.(reason);
  }

  #troubled(message: string): void {
    if (this.#trouble === undefined) this.#options.logger.warn({}, `Events are not posted: ${message}`);
    else this.#options.logger.debug({}, `Event not posted: ${message}`);
    this.#trouble = message;
  }

  #recovered(): void {
    if (this.#trouble !== undefined) this.#options.logger.info({}, 'Events are posted again');
    this.#trouble = undefined;
  }
}

/** One Event and its repetitions. Times are ms since the epoch. */
interface Entry {
  readonly key: string;
  readonly report: EventReport;
  readonly firstSeen: number;
  lastSeen: number;
  count: number;
  /** Kept over attempts: the second must have the name of the first. */
  prepared?: { readonly posted: PostedEvent; readonly object: object } | undefined;
  posted: PostedEvent | undefined;
  /** The count that the API server knows. */
  told: number;
  toldAt: number;
}
