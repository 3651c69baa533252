import type { Tracker } from '../../src/tracker/tracker.ts';
import { objectsOf, type ServiceDraft } from './clusters.ts';

/** Tells a tracker of clusters that follow each other, as a watch would: only of what changes. */
export class Feed {
  readonly #tracker: Tracker;
  /** Keys of the EndpointSlices, by their Service's name. */
  readonly #slices = new Map<string, readonly string[]>();

  constructor(tracker: Tracker) {
    this.#tracker = tracker;
  }

  /** Makes the cluster consist of these Services. */
  become(services: readonly ServiceDraft[]): void {
    for (const [name, slices] of this.#slices) {
      if (services.some((draft) => draft.name === name)) continue;
      this.#tracker.delete('Service', `default/${name}`);
      for (const slice of slices) this.#tracker.delete('EndpointSlice', slice);
      this.#slices.delete(name);
    }
    for (const draft of services) this.#upsert(draft);
  }

  #upsert(draft: ServiceDraft): void {
    const { service, slices } = objectsOf(draft);
    const keys = draft.families.flatMap((family) =>
      [0, 1].map((n) => `default/${draft.name}-${family}-${n}`),
    );
    for (const key of this.#slices.get(draft.name) ?? []) {
      if (!keys.includes(key)) this.#tracker.delete('EndpointSlice', key);
    }
    this.#tracker.upsert('Service', service);
    for (const slice of slices) this.#tracker.upsert('EndpointSlice', slice);
    this.#slices.set(draft.name, keys);
  }
}
