import { setTimeout as pause } from 'node:timers/promises';
import type { ApiServer } from '../apiserver/server.ts';
import type { Random } from './random.ts';

const FOLLOWED = ['services', 'endpointslices', 'nodes'];

type Trouble = (api: ApiServer, random: Random) => void | Promise<void>;

/** What can befall an API server, and the way to it. Each is over, or has begun and ends by itself, when it resolves. */
const TROUBLES = {
  drop: (api) => api.dropConnections(),
  end: (api) => api.endWatches(),
  async stall(api, random) {
    api.faults.stall();
    await pause(200 + random.below(800));
    api.faults.resume();
  },
  async away(api, random) {
    await api.stop();
    await pause(random.below(500));
    await api.start();
  },
  compact(api) {
    api.compact();
    api.dropConnections();
  },
  overload(api, random) {
    api.faults.failNext({ status: random.pick([429, 500, 503]), count: 1 + random.below(3), retryAfter: 1 });
    api.dropConnections();
  },
  cutWatch: (api, random) =>
    api.faults.cutWatches({ how: random.pick(['reset', 'end']), afterEvents: random.below(3), count: 2 }),
  cutList(api, random) {
    api.faults.cutLists({ how: random.pick(['reset', 'end']) });
    api.compact();
    api.dropConnections();
  },
  async slow(api, random) {
    api.faults.slowBody = { bytesPerTick: 64 + random.below(1024), tickMs: 1 };
    api.faults.splitCharacters = true;
    await pause(random.below(500));
    api.faults.slowBody = undefined;
    api.faults.splitCharacters = false;
  },
  /**
   * A restore from a backup: the same objects with a new history. Its versions are far below those that were seen:
   * where they pass them before anybody comes back, no client could tell the new history from the old one.
   */
  async restart(api) {
    api.advance(api.resourceVersion + 100_000);
    const isFollowed = () => FOLLOWED.every((resource) => api.watches(resource) > 0);
    for (const end = performance.now() + 35_000; !isFollowed() && performance.now() < end; ) await pause(20);
    api.bookmark();
    await pause(500);
    if (isFollowed()) api.restart();
  },
  bookmark: (api) => api.bookmark(),
} satisfies Record<string, Trouble>;

export type TroubleName = keyof typeof TROUBLES;

/** Visits an API server with one trouble after the other, in random order, each as often as any other. */
export class ApiTroubles {
  readonly counts = new Map<TroubleName, number>();
  readonly #api: ApiServer;
  readonly #random: Random;
  #upcoming: TroubleName[] = [];

  constructor(api: ApiServer, random: Random) {
    this.#api = api;
    this.#random = random;
  }

  /** The next one; resolves when it is over. */
  async next(): Promise<void> {
    if (this.#upcoming.length === 0) this.#upcoming = Object.keys(TROUBLES) as TroubleName[];
    const [name] = this.#upcoming.splice(this.#random.below(this.#upcoming.length), 1);
    if (name === undefined) return;
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
    await TROUBLES[name](this.#api, this.#random);
  }
}
