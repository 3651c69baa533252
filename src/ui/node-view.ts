import type { Family, ServicePortKey } from '../../rules/model.ts';
import type { Clock } from '../cluster/clock.ts';
import type { Settings } from '../config/settings.ts';
import type { RunningFamily } from '../daemon.ts';
import { type Answer, JSON_TYPE, type Route, text } from '../debug/route.ts';
import type { SyncObserver, SyncReport } from '../sync-observer.ts';
import type { Tracker } from '../tracker/tracker.ts';
import { EventStream } from './event-stream.ts';
import { nodeState, type Programming } from './node-state.ts';
import { serviceDetails } from './service-details.ts';
import { serviceList } from './service-list.ts';
import { SyncHistory } from './sync-history.ts';

export interface NodeViewOptions {
  readonly settings: Settings;
  readonly tracker: Tracker;
  readonly daemon: () => Programming | undefined;
  readonly clock: Clock;
}

const LIST_LENGTH = 100;
const LIST_LENGTH_MAX = 1000;

/** What goes on on this node, for `fairlead top` and the page: see README.md. */
export class NodeView implements SyncObserver {
  readonly #options: NodeViewOptions;
  readonly #history: SyncHistory;
  readonly #events: EventStream;
  readonly #started: number;
  /** What was last told of each family's trouble. */
  readonly #trouble = new Map<Family, string>();

  constructor(options: NodeViewOptions) {
    this.#options = options;
    this.#history = new SyncHistory((family, key) => this.#running(family)?.desired.ruleset.owner(key));
    this.#events = new EventStream(options.clock);
    this.#started = options.clock.now();
  }

  synced(report: SyncReport): void {
    const record = this.#history.synced(report, this.#options.clock.now());
    if (record) this.#events.publish('sync', () => record);
    this.#lookForTrouble(report.family);
  }

  failed({ family, error, duration, full }: Parameters<NonNullable<SyncObserver['failed']>>[0]): void {
    const at = this.#options.clock.now();
    const record = this.#history.failed(family, error, { at, duration, full });
    this.#events.publish('sync', () => record);
  }

  contested(family: Family): void {
    this.#history.totals(family).anotherProxy = this.#options.clock.now();
    this.#events.publish('trouble', () => ({}));
  }

  /** The endpoints under /debug. */
  get routes(): readonly Route[] {
    return [
      { path: '/debug/state', answer: ({ query }) => this.#state(query) },
      { path: '/debug/events', answer: ({ signal }) => this.#listen(signal) },
      { path: '/debug/sync', answer: ({ query }) => this.#sync(query) },
      { path: '/debug/services', answer: ({ query, signal }) => this.#services(query, signal) },
      { path: '/debug/service', answer: ({ query }) => this.#service(query) },
    ];
  }

  #state(query: URLSearchParams): Answer {
    const { settings, tracker, daemon, clock } = this.#options;
    const { version, mode, nodeName } = settings;
    const state = nodeState({
      about: { version, mode, nodeName, started: this.#started },
      now: clock.now(),
      tracker,
      daemon: daemon(),
      history: this.#history,
    });
    return json(query.get('syncs') === '0' ? { ...state, syncs: [] } : state);
  }

  #listen(signal: AbortSignal): Answer {
    const body = this.#events.open(signal);
    if (!body) return text('too many listen already: try again later\n', 503);
    return { type: 'text/event-stream', body, headers: NO_STORE };
  }

  #sync(query: URLSearchParams): Answer {
    const details = this.#history.details(Number(query.get('id')));
    return details ? json(details) : text('no such sync is remembered\n', 404);
  }

  async #services(query: URLSearchParams, signal: AbortSignal): Promise<Answer> {
    const limit = query.get('limit') ?? String(LIST_LENGTH);
    if (!/^\d{1,4}$/.test(limit) || Number(limit) > LIST_LENGTH_MAX) {
      return text(`limit must be a number up to ${LIST_LENGTH_MAX}: current value is "${limit}"\n`, 400);
    }
    const running = this.#options.daemon()?.running ?? [];
    const nodes = new Map(running.map(({ family, context }) => [family, context().node]));
    const { tracker, settings } = this.#options;
    const sources = {
      mode: settings.mode,
      tracker,
      node: (family: Family) => nodes.get(family),
      quarantined: new Set<ServicePortKey>(
        running.flatMap(({ reconciler }) => reconciler.quarantined.map(({ servicePort }) => servicePort)),
      ),
    };
    const search = query.get('search') ?? '';
    const onlyTrouble = query.get('only') === 'trouble';
    return json(await serviceList(sources, { search, onlyTrouble, limit: Number(limit) }, signal));
  }

  #service(query: URLSearchParams): Answer {
    const { tracker, settings } = this.#options;
    const sources = {
      tracker,
      context: (family: Family) => {
        const running = this.#running(family);
        const { mode, config } = settings;
        return running && { mode, scheduler: config.ipvs.scheduler, ...running.context() };
      },
      quarantined: (family: Family) => this.#running(family)?.reconciler.quarantined ?? [],
      history: this.#history,
    };
    return json(serviceDetails(sources, query.get('namespace') ?? '', query.get('name') ?? ''));
  }

  /** Quarantine and contested claims change with syncs only. */
  #lookForTrouble(family: Family): void {
    const quarantined = this.#running(family)?.reconciler.quarantined.length ?? 0;
    const contested = this.#options.daemon()?.lostClaims(family).length ?? 0;
    const trouble = `${quarantined} ${contested}`;
    if (trouble === this.#trouble.get(family)) return;
    this.#trouble.set(family, trouble);
    this.#events.publish('trouble', () => ({}));
  }

  #running(family: Family): RunningFamily | undefined {
    return this.#options.daemon()?.running.find((entry) => entry.family === family);
  }
}

const NO_STORE = { 'Cache-Control': 'no-store' };

function json(value: unknown): Answer {
  return { type: JSON_TYPE, body: `${JSON.stringify(value)}\n`, headers: NO_STORE };
}
