import { FAMILIES, type Family } from '../../rules/model.ts';

/** What changes are counted of. */
export type ChangeKind = 'Service' | 'EndpointSlice';

/** Counts changes until a sync has taken them to the kernel. */
export class PendingChanges {
  readonly #families: Readonly<Record<Family, { arrived: Counts; inHand: Counts; started: boolean }>> = {
    ipv4: { arrived: none(), inHand: none(), started: false },
    ipv6: { arrived: none(), inHand: none(), started: false },
  };
  readonly #watched: readonly Family[];

  /** @param watched the families that are synced: changes of others wait for nothing */
  constructor(watched: readonly Family[]) {
    this.#watched = watched;
  }

  /** @param family of an EndpointSlice; undefined for what concerns all families */
  add(kind: ChangeKind, family: Family | undefined): void {
    for (const each of FAMILIES) {
      if (family === undefined || family === each) this.#families[each].arrived[kind]++;
    }
  }

  syncStarted(family: Family): void {
    const state = this.#families[family];
    state.inHand.Service += state.arrived.Service;
    state.inHand.EndpointSlice += state.arrived.EndpointSlice;
    state.arrived = none();
    state.started = true;
  }

  /** A sync has succeeded. Without a word of its start, it is taken to cover all changes so far. */
  synced(family: Family): void {
    const state = this.#families[family];
    if (!state.started) this.syncStarted(family);
    state.inHand = none();
    state.started = false;
  }

  count(kind: ChangeKind): number {
    const counts = this.#watched.map((family) => {
      const { arrived, inHand } = this.#families[family];
      return arrived[kind] + inHand[kind];
    });
    // A change of a Service waits in both families, one of a slice in its own.
    return kind === 'Service' ? Math.max(0, ...counts) : counts.reduce((sum, count) => sum + count, 0);
  }
}

type Counts = Record<ChangeKind, number>;

function none(): Counts {
  return { Service: 0, EndpointSlice: 0 };
}
