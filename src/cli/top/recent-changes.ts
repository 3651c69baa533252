import { FAMILY_NAMES } from '../../tracker/fields.ts';
import type { SyncRecord } from '../../ui/state.ts';

/** What has changed, newest first. */
export interface RecentChange {
  /** `namespace/name` of a Service, or what a sync without one was about. */
  readonly what: string;
  readonly last: SyncRecord;
  /** Remembered syncs that were about it. */
  readonly syncs: number;
}

/**
 * The Services of the syncs, each once, by its last change. Syncs of no Service in particular are counted by what
 * they were: a comparison of everything, a repair, a failure.
 * @param syncs oldest first
 */
export function recentChanges(syncs: readonly SyncRecord[]): readonly RecentChange[] {
  const found = new Map<string, { last: SyncRecord; syncs: number }>();
  for (const sync of syncs) {
    for (const what of subjects(sync)) {
      const known = found.get(what);
      // Taken out, so that the newest ones come last.
      found.delete(what);
      found.set(what, { last: sync, syncs: (known?.syncs ?? 0) + 1 });
    }
  }
  return [...found].map(([what, change]) => ({ what, ...change })).reverse();
}

function subjects(sync: SyncRecord): ReadonlySet<string> {
  const { family, failure, full, repaired, servicePorts } = sync;
  const name = FAMILY_NAMES[family];
  if (failure) return new Set([`${name}: failed (${failure.code})`]);
  const services = new Set(servicePorts.items.map(serviceOf));
  const rest = servicePorts.total - servicePorts.items.length;
  if (full) return new Set([repaired > 0 ? `${name}: drift put right` : `${name}: everything compared`]);
  if (rest > 0) services.add(`${name}: many ServicePorts at once`);
  if (services.size === 0)
    services.add(repaired > 0 ? `${name}: drift put right` : `${name}: what all share`);
  return services;
}

/** `namespace/name` of `namespace/name:port/protocol`. */
function serviceOf(servicePort: string): string {
  return servicePort.slice(0, servicePort.lastIndexOf('/')).replace(/:.*$/, '');
}
