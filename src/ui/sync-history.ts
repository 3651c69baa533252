import type { Family, ServicePortKey } from '../../rules/model.ts';
import type { DataplaneError, Plan } from '../dataplane/dataplane.ts';
import type { SyncReport } from '../sync-observer.ts';
import {
  type Cut,
  type ObjectChange,
  SYNCS_KEPT,
  type SyncDetails,
  type SyncFailure,
  type SyncRecord,
} from './state.ts';

/** What one family's syncs add up to since the start. */
export interface SyncTotals {
  syncs: number;
  failures: number;
  lines: number;
  repaired: number;
  objects: number;
  lastSync: number | undefined;
  lastRepair: number | undefined;
  failing: SyncFailure | undefined;
  anotherProxy: number | undefined;
}

/** Who a key of the family's ruleset belongs to. */
export type OwnerOf = (family: Family, key: string) => ServicePortKey | undefined;

const KEYS_KEPT = 20;
const CHANGES_KEPT = 60;
const OBJECT_CHARACTERS = 400;
const PAYLOAD_CHARACTERS = 12_000;
/** Of all changes and payloads together: older syncs lose theirs. */
const DETAIL_CHARACTERS = 256 * 1024;

interface Details {
  readonly changes: Cut<ObjectChange>;
  readonly payload: string | undefined;
  readonly characters: number;
}

/** Remembers the last syncs that did something, and what they wrote: a few hundred KB at most. */
export class SyncHistory {
  readonly #owner: OwnerOf;
  readonly #records: SyncRecord[] = [];
  /** By the sync's id, oldest first. */
  readonly #details = new Map<number, Details>();
  readonly #totals = new Map<Family, SyncTotals>();
  #characters = 0;
  #lastId = 0;

  constructor(owner: OwnerOf) {
    this.#owner = owner;
  }

  /** Oldest first. */
  get records(): readonly SyncRecord[] {
    return this.#records;
  }

  totals(family: Family): SyncTotals {
    const found = this.#totals.get(family);
    if (found) return found;
    const totals: SyncTotals = {
      syncs: 0,
      failures: 0,
      lines: 0,
      repaired: 0,
      objects: 0,
      lastSync: undefined,
      lastRepair: undefined,
      failing: undefined,
      anotherProxy: undefined,
    };
    this.#totals.set(family, totals);
    return totals;
  }

  /** @returns what is remembered of it; undefined where it had nothing to do, or nothing new. */
  synced(report: SyncReport, at: number): SyncRecord | undefined {
    const { family, servicePorts, full, lines, repaired, adopted, objects, duration, plan, deferred } =
      report;
    const totals = this.totals(family);
    totals.syncs++;
    totals.lines += lines;
    totals.repaired += repaired;
    totals.objects = objects;
    totals.lastSync = at;
    totals.failing = undefined;
    if (repaired > 0) totals.lastRepair = at;
    if (deferred || (!full && lines === 0 && servicePorts.length === 0)) return undefined;
    const record = this.#add({
      family,
      at,
      duration,
      full,
      servicePorts: cut(servicePorts, KEYS_KEPT),
      lines,
      repaired,
      adopted,
      objects,
      failure: undefined,
    });
    if (plan && plan.lines > 0) this.#addDetails(record, plan);
    return record;
  }

  failed(
    family: Family,
    error: DataplaneError,
    sync: Pick<SyncRecord, 'at' | 'duration' | 'full'>,
  ): SyncRecord {
    const totals = this.totals(family);
    const failure = { code: error.code, message: shortened(error.message, MESSAGE_CHARACTERS) };
    totals.failures++;
    totals.failing = failure;
    return this.#add({
      ...sync,
      family,
      servicePorts: NONE,
      lines: 0,
      repaired: 0,
      adopted: undefined,
      objects: totals.objects,
      failure,
    });
  }

  /** A sync with what it wrote; undefined where it is not remembered. */
  details(id: number): SyncDetails | undefined {
    const record = this.#records.find((each) => each.id === id);
    if (!record) return undefined;
    const { changes = NONE, payload } = this.#details.get(id) ?? {};
    return { ...record, changes, payload };
  }

  /** Newest first. */
  concerning(servicePorts: ReadonlySet<ServicePortKey>): readonly SyncRecord[] {
    return this.#records
      .filter((record) => record.servicePorts.items.some((key) => servicePorts.has(key)))
      .reverse();
  }

  #add(record: Omit<SyncRecord, 'id'>): SyncRecord {
    const added = { id: ++this.#lastId, ...record };
    this.#records.push(added);
    if (this.#records.length > SYNCS_KEPT) {
      const oldest = this.#records.shift();
      if (oldest) this.#forget(oldest.id);
    }
    return added;
  }

  #addDetails(record: SyncRecord, plan: Plan): void {
    const changes = this.#changes(record, plan);
    const payload = payloadOf(plan);
    const characters = changes.items.reduce((sum, { object }) => sum + object.length, payload?.length ?? 0);
    this.#details.set(record.id, { changes, payload, characters });
    this.#characters += characters;
    for (const id of this.#details.keys()) {
      if (this.#characters <= DETAIL_CHARACTERS) break;
      this.#forget(id);
    }
  }

  #forget(id: number): void {
    this.#characters -= this.#details.get(id)?.characters ?? 0;
    this.#details.delete(id);
  }

  #changes({ family, servicePorts }: SyncRecord, { sections }: Plan): Cut<ObjectChange> {
    const items: ObjectChange[] = [];
    let total = 0;
    const [only] = servicePorts.total === 1 ? servicePorts.items : [];
    for (const { changes } of sections) {
      total += changes.size;
      for (const [key, text] of changes) {
        if (items.length === CHANGES_KEPT) break;
        // What is gone has no owner any more; where one ServicePort has changed, it was that one's.
        const servicePort = this.#owner(family, key) ?? (text === undefined ? only : undefined);
        items.push({
          servicePort,
          change: text === undefined ? 'removed' : 'written',
          object: shortened(text !== undefined && isLine(text) ? `${key} ${text}` : key, OBJECT_CHARACTERS),
        });
      }
    }
    return { total, items };
  }
}

const NONE = { total: 0, items: [] } as const;

export function cut<T>(all: readonly T[], length: number): Cut<T> {
  return { total: all.length, items: all.length <= length ? all : all.slice(0, length) };
}

function isLine(text: string): boolean {
  return text !== '' && !text.includes('\n');
}

function payloadOf({ sections }: Plan): string | undefined {
  let payload = '';
  for (const { text } of sections) {
    if (payload.length + text.length > PAYLOAD_CHARACTERS) return undefined;
    payload += text;
  }
  return payload;
}

/** Of what tools say, which may quote a payload. */
export const MESSAGE_CHARACTERS = 1000;

/** A copy, so that the rest of a long text is not kept. */
export function shortened(text: string, length: number): string {
  return text.length <= length ? text : Buffer.from(`${text.slice(0, length)}…`).toString();
}
