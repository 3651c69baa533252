import { once } from 'node:events';

/** What the next requests are answered with. */
export interface FailNext {
  /** How many requests; default 1. */
  readonly count?: number;
  readonly status: 401 | 403 | 429 | 500 | 503;
  /** Seconds; 429 has 1 where nothing is said. */
  readonly retryAfter?: number;
  /** Only requests for this resource (plural). */
  readonly resource?: string;
  /** Only requests with this verb: `list`, `watch`, `get`, `patch`, … */
  readonly verb?: string;
}

/** How watches are cut. */
export interface CutWatches {
  /** Only watches of this resource (plural). */
  readonly resource?: string;
  /** Whole events that each watch still sends before it is cut in the middle of the next one; default 0. */
  readonly afterEvents?: number;
  /** `reset`: the connection breaks; `end`: the response ends in good order, in the middle of an object. */
  readonly how?: 'reset' | 'end';
  /** How many watches are cut, then the fault is over; default 1. */
  readonly count?: number;
}

/** How lists are cut. */
export interface CutLists {
  /** Only lists of this resource (plural). */
  readonly resource?: string;
  /** `reset`: the connection breaks; `end`: the response ends in good order, in the middle of an object. */
  readonly how?: 'reset' | 'end';
  /** How many lists are cut, then the fault is over; default 1. */
  readonly count?: number;
}

/** Bodies come in small pieces. */
export interface SlowBody {
  readonly bytesPerTick: number;
  readonly tickMs: number;
}

/** How the server answers `sendInitialEvents`: as today, as before 1.32 (HTTP 422), as over etcd 3.4 (200 and an ERROR event with code 500). */
export type WatchListSupport = 'supported' | 'status' | 'error-event';

/** The troubles that are on at the moment. Changed by methods, asked by whoever sends or answers. */
export class Faults {
  watchList: WatchListSupport = 'supported';
  slowBody: SlowBody | undefined;
  /** Writes end inside every character that has more than one byte. */
  splitCharacters = false;
  private failing: { rule: FailNext; left: number }[] = [];
  private cutting: { rule: CutWatches; left: number } | undefined;
  private cuttingLists: { rule: CutLists; left: number } | undefined;
  private stalled = false;
  private resumed = new AbortController();

  /** Accept, but neither answer nor send anything, also on watches that are open. Ends with `resume` or `clear`. */
  stall(): void {
    this.stalled = true;
  }

  /** What was held back goes out now. */
  resume(): void {
    this.stalled = false;
    this.resumed.abort();
    this.resumed = new AbortController();
  }

  /** The next requests are answered with an error. */
  failNext(rule: FailNext): void {
    this.failing.push({ rule, left: rule.count ?? 1 });
  }

  /** Watches are cut in the middle of an event. */
  cutWatches(rule: CutWatches = {}): void {
    this.cutting = { rule: { ...rule }, left: rule.count ?? 1 };
  }

  /** The next lists are cut in their middle. */
  cutLists(rule: CutLists = {}): void {
    this.cuttingLists = { rule, left: rule.count ?? 1 };
  }

  /** Everything is well again. */
  clear(): void {
    this.watchList = 'supported';
    this.slowBody = undefined;
    this.splitCharacters = false;
    this.failing = [];
    this.cutting = undefined;
    this.cuttingLists = undefined;
    this.resume();
  }

  /** Returns at once, or when a stall has ended. */
  async flowing(): Promise<void> {
    while (this.stalled) await once(this.resumed.signal, 'abort');
  }

  /** The failure for this request, counted down; undefined: answer it properly. */
  takeFailure(verb: string, resource: string): FailNext | undefined {
    const found = this.failing.find(
      ({ rule }) => (rule.verb ?? verb) === verb && (rule.resource ?? resource) === resource,
    );
    if (found === undefined) return undefined;
    found.left--;
    if (found.left <= 0) this.failing = this.failing.filter((entry) => entry !== found);
    return found.rule;
  }

  /** How watches of this resource are to be cut; the same object until the fault is over. */
  cutRule(resource: string): CutWatches | undefined {
    const rule = this.cutting?.rule;
    return rule !== undefined && (rule.resource ?? resource) === resource ? rule : undefined;
  }

  /** One watch has been cut. */
  countCut(): void {
    if (this.cutting === undefined) return;
    this.cutting.left--;
    if (this.cutting.left <= 0) this.cutting = undefined;
  }

  /** How this list is to be cut, counted down; undefined: not at all. */
  takeListCut(resource: string): CutLists | undefined {
    const cutting = this.cuttingLists;
    if (cutting === undefined || (cutting.rule.resource ?? resource) !== resource) return undefined;
    cutting.left--;
    if (cutting.left <= 0) this.cuttingLists = undefined;
    return cutting.rule;
  }

  /** True while bodies cannot simply be written as they are. */
  get shapesBodies(): boolean {
    return this.stalled || this.splitCharacters || this.slowBody !== undefined;
  }
}
