import type { JsonObject } from './json.ts';

/**
 * Events are stored as events.k8s.io/v1 has them; the core group shows the same objects under older names.
 * Pairs of [events.k8s.io/v1, v1].
 */
const RENAMED: readonly (readonly [string, string])[] = [
  ['regarding', 'involvedObject'],
  ['note', 'message'],
  ['reportingController', 'reportingComponent'],
  ['deprecatedSource', 'source'],
  ['deprecatedFirstTimestamp', 'firstTimestamp'],
  ['deprecatedLastTimestamp', 'lastTimestamp'],
  ['deprecatedCount', 'count'],
];

/** An Event of events.k8s.io/v1 as the core group shows it. */
export function asCoreV1(event: JsonObject): JsonObject {
  return rename(event, new Map(RENAMED), 'v1');
}

/** An Event of the core group as events.k8s.io/v1 shows it. */
export function asEventsV1(event: JsonObject): JsonObject {
  return rename(event, new Map(RENAMED.map(([now, before]) => [before, now])), 'events.k8s.io/v1');
}

function rename(event: JsonObject, names: ReadonlyMap<string, string>, apiVersion: string): JsonObject {
  const entries = Object.entries(event).map(([field, value]) => [names.get(field) ?? field, value]);
  return { ...Object.fromEntries(entries), apiVersion };
}
