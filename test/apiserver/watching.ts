import type { ServerResponse } from 'node:http';
import { sendHalf, writePiece } from './body.ts';
import type { CutWatches, Faults } from './faults.ts';
import { integer, revisionOf, textOf } from './listing.ts';
import { apiVersionOf, type Resource } from './resources.ts';
import type { Selector } from './selectors.ts';
import { invalidListOptions, Refusal, tooLargeResourceVersion, watchExpired } from './statuses.ts';
import { atRevision, type Change, type Store, type StoredObject } from './store.ts';

/** One request for a watch. */
export interface WatchRequest {
  readonly resource: Resource;
  /** Namespace and selectors in one. */
  readonly selector: Selector;
  readonly query: URLSearchParams;
}

/** What is gathered for one write. */
const GATHER_BYTES = 64 * 1024;
/** A client that lets this much pile up is cut off, as the real server does with slow watchers. */
const BACKLOG_BYTES = 256 * 1024 * 1024;

/** What a timer of Node can hold. */
const MAX_TIMEOUT_SECONDS = 2_147_483;

type EventType = 'ADDED' | 'MODIFIED' | 'DELETED';

/** All open watches. Every change is serialised once per type of event, however many clients watch. */
export class WatchHub {
  private readonly store: Store;
  private readonly faults: Faults;
  private readonly watches = new Set<Watch>();
  private readonly bookmarkTimer: NodeJS.Timeout;

  /** @param bookmarkIntervalMs how often watches that want bookmarks get one */
  constructor(store: Store, faults: Faults, bookmarkIntervalMs: number) {
    this.store = store;
    this.faults = faults;
    this.bookmarkTimer = setInterval(() => this.bookmark(), bookmarkIntervalMs).unref();
  }

  /** How many watches are open, of one resource (plural) or of all. */
  count(resource?: string): number {
    let count = 0;
    for (const watch of this.watches)
      if ((resource ?? watch.resource.plural) === watch.resource.plural) count++;
    return count;
  }

  /** Passes a change on to whom it concerns. */
  publish(change: Change): void {
    const frames = new Frames(change);
    for (const watch of this.watches) {
      if (watch.resource.table === change.table) watch.change(change, frames);
    }
  }

  /** Sends all watches that want bookmarks one with the present version. */
  bookmark(): void {
    for (const watch of this.watches) watch.bookmark(this.store.revision);
  }

  /** Ends all watches in good order, as a server does that shuts down. */
  endAll(): void {
    for (const watch of this.watches) watch.end();
  }

  close(): void {
    clearInterval(this.bookmarkTimer);
    this.endAll();
  }

  /**
   * Answers a watch; returns when it is over.
   * @throws Refusal before anything is sent
   */
  async serve(request: WatchRequest, response: ServerResponse): Promise<void> {
    const { store, faults } = this;
    const { query, resource } = request;
    const text = query.get('resourceVersion') ?? '';
    const match = query.get('resourceVersionMatch') ?? '';
    const requested = revisionOf(text);
    const sendInitial = query.get('sendInitialEvents');
    const timeoutSeconds = integer(query, 'timeoutSeconds');
    checkOptions(sendInitial, match, faults);
    if (sendInitial === 'true' && requested > store.revision) {
      throw tooLargeResourceVersion(requested, store.revision);
    }
    const watch = new Watch(request, response, faults, query.get('allowWatchBookmarks') === 'true');
    if (sendInitial !== null && faults.watchList === 'error-event') {
      watch.error(
        new Refusal(
          500,
          '',
          'a watch stream was requested by the client but the required storage feature RequestWatchProgress is disabled',
        ),
      );
    } else if (sendInitial === 'true' || (sendInitial === null && requested === 0)) {
      watch.initial(store.list(resource), store.revision, sendInitial === 'true');
    } else if (requested !== 0 && requested < store.compacted) {
      watch.error(watchExpired(requested, store.compacted));
    } else {
      // A version from the future is watched from in silence until the counter gets there, as in the real server.
      watch.after = requested === 0 ? store.revision : requested;
      for (const change of store.changesAfter(resource, watch.after))
        watch.change(change, new Frames(change));
    }
    this.watches.add(watch);
    // At once, also while a stall keeps `run` from noticing.
    response.once('close', () => this.watches.delete(watch));
    try {
      await watch.run(timeoutSeconds, () => store.revision);
    } finally {
      this.watches.delete(watch);
    }
  }
}

function checkOptions(sendInitial: string | null, match: string, faults: Faults): void {
  if (sendInitial !== null && faults.watchList === 'status') {
    const why = 'sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled';
    throw invalidListOptions('sendInitialEvents', why);
  }
  if (sendInitial !== null && match !== 'NotOlderThan') {
    const why =
      match === ''
        ? 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'
        : `resourceVersionMatch ${match} is forbidden for watch`;
    throw invalidListOptions(match === '' ? 'sendInitialEvents' : 'resourceVersionMatch', why);
  }
  if (sendInitial === null && match !== '') {
    const why = 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided';
    throw invalidListOptions('resourceVersionMatch', why);
  }
}

/** The texts of one change, made when first needed and shared by all watches. */
class Frames {
  private readonly change: Change;
  private readonly made = new Map<string, string>();

  constructor(change: Change) {
    this.change = change;
  }

  of(type: EventType, resource: Resource): string {
    const key = `${type} ${resource.group}`;
    let frame = this.made.get(key);
    if (frame === undefined) {
      const { before, after, revision } = this.change;
      const shown = type === 'DELETED' && before !== undefined ? atRevision(before, revision) : after;
      frame = shown === undefined ? '' : eventText(type, textOf(resource, shown));
      this.made.set(key, frame);
    }
    return frame;
  }
}

function eventText(type: string, object: string): string {
  return `{"type":"${type}","object":${object}}\n`;
}

/** One open watch: a queue of texts, and whoever writes them at the client's pace. */
class Watch {
  readonly resource: Resource;
  /** Changes up to this revision are of no interest. */
  after = 0;
  private readonly selector: Selector;
  private readonly response: ServerResponse;
  private readonly faults: Faults;
  private readonly bookmarks: boolean;
  private queue: string[] = [];
  private queueHead = 0;
  private queuedBytes = 0;
  private cutRule: CutWatches | undefined;
  private cutFrom = 0;
  private snapshot: { objects: readonly StoredObject[]; next: number; then: string } | undefined;
  private sentEvents = 0;
  private ended = false;
  private wake: () => void = () => {};

  constructor(request: WatchRequest, response: ServerResponse, faults: Faults, bookmarks: boolean) {
    this.resource = request.resource;
    this.selector = request.selector;
    this.response = response;
    this.faults = faults;
    this.bookmarks = bookmarks;
  }

  /** Everything there is, as ADDED; with `marked` followed by the bookmark that says so. */
  initial(objects: readonly StoredObject[], revision: number, marked: boolean): void {
    this.after = revision;
    const then =
      marked && this.bookmarks ? this.bookmarkText(revision, { 'k8s.io/initial-events-end': 'true' }) : '';
    this.snapshot = { objects, next: 0, then };
  }

  change(change: Change, frames: Frames): void {
    if (change.revision <= this.after || this.ended) return;
    const { selector } = this;
    const was = change.before !== undefined && (selector === undefined || selector(change.before));
    const is = change.after !== undefined && (selector === undefined || selector(change.after));
    if (!was && !is) return;
    this.push(frames.of(!was ? 'ADDED' : is ? 'MODIFIED' : 'DELETED', this.resource));
  }

  bookmark(revision: number): void {
    if (this.bookmarks && !this.ended && revision >= this.after) this.push(this.bookmarkText(revision));
  }

  error(refusal: Refusal): void {
    this.push(eventText('ERROR', JSON.stringify(refusal.status)));
    this.end();
  }

  /** What is queued still goes out, then the response ends. */
  end(): void {
    this.ended = true;
    this.wake();
  }

  /** Sends until the watch is ended, its time is over, or the client is gone. */
  async run(timeoutSeconds: number, revision: () => number): Promise<void> {
    const { response } = this;
    const timers: NodeJS.Timeout[] = [];
    const timeoutMs = Math.min(timeoutSeconds, MAX_TIMEOUT_SECONDS) * 1000;
    if (timeoutMs > 0) timers.push(setTimeout(() => this.end(), timeoutMs).unref());
    // The real server sends a last bookmark two seconds before the end.
    if (timeoutMs > 2000) timers.push(setTimeout(() => this.bookmark(revision()), timeoutMs - 2000).unref());
    const gone = () => this.wake();
    response.once('close', gone);
    response.flushHeaders();
    try {
      while (!response.destroyed) {
        const cut = await this.sendSome();
        if (cut) return;
        if (this.snapshot !== undefined || this.queueHead < this.queue.length) continue;
        if (this.ended) break;
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
      }
      await this.faults.flowing();
      response.end();
    } finally {
      response.off('close', gone);
      for (const timer of timers) clearTimeout(timer);
    }
  }

  private push(text: string): void {
    this.queue.push(text);
    this.queuedBytes += text.length;
    if (this.queuedBytes > BACKLOG_BYTES) this.response.destroy();
    this.wake();
  }

  /** Writes the next events; true: the watch was cut. */
  private async sendSome(): Promise<boolean> {
    const { faults, response } = this;
    await faults.flowing();
    const rule = faults.cutRule(this.resource.plural);
    if (rule !== this.cutRule) this.cutFrom = this.sentEvents;
    this.cutRule = rule;
    const texts: string[] = [];
    let size = 0;
    while (size < GATHER_BYTES) {
      const text = this.takeNext();
      if (text === undefined) break;
      texts.push(text);
      size += text.length;
      if (rule !== undefined) break;
    }
    const [first] = texts;
    if (first === undefined) return false;
    if (rule === undefined || this.sentEvents - this.cutFrom < (rule.afterEvents ?? 0)) {
      await writePiece(response, Buffer.from(texts.join('')), faults);
      this.sentEvents += texts.length;
      return false;
    }
    faults.countCut();
    await sendHalf(response, first, rule.how ?? 'reset');
    return true;
  }

  private takeNext(): string | undefined {
    const { snapshot, selector } = this;
    if (snapshot !== undefined) {
      while (snapshot.next < snapshot.objects.length) {
        const object = snapshot.objects[snapshot.next++];
        if (object !== undefined && (selector === undefined || selector(object))) {
          return eventText('ADDED', textOf(this.resource, object));
        }
      }
      this.snapshot = undefined;
      if (snapshot.then !== '') return snapshot.then;
    }
    const text = this.queue[this.queueHead++];
    if (text !== undefined) {
      this.queuedBytes -= text.length;
      return text;
    }
    this.queue = [];
    this.queueHead = 0;
    return undefined;
  }

  private bookmarkText(revision: number, annotations?: Record<string, string>): string {
    const { resource } = this;
    const metadata = {
      resourceVersion: String(revision),
      ...(annotations === undefined ? {} : { annotations }),
    };
    const object = { kind: resource.kind, apiVersion: apiVersionOf(resource), metadata, ...resource.empty };
    return eventText('BOOKMARK', JSON.stringify(object));
  }
}
