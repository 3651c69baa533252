import { asArray, asObject, asString, type JsonObject } from './json.ts';

/**
 * Lists that a strategic merge patch merges by a key, or as a set (empty key), by kind and path; every other list
 * is replaced. From the `patchMergeKey` marks of the API's types.
 */
const MERGED_LISTS: Readonly<Record<string, string>> = {
  'Service spec.ports': 'port',
  'Service status.conditions': 'type',
  'Node spec.podCIDRs': '',
  'Node status.addresses': 'type',
  'Node status.conditions': 'type',
  'Namespace status.conditions': 'type',
  'Pod spec.containers': 'name',
  'Pod spec.volumes': 'name',
  'Pod status.conditions': 'type',
  'Pod status.podIPs': 'ip',
  'ServiceCIDR status.conditions': 'type',
};
const MERGED_EVERYWHERE: Readonly<Record<string, string>> = {
  'metadata.ownerReferences': 'uid',
  'metadata.finalizers': '',
};

/** Applies a strategic merge patch, with the directives that kubectl sends. */
export function strategicMerge(kind: string, object: JsonObject, patch: JsonObject, path = ''): JsonObject {
  if (patch['$patch'] === 'replace') return withoutDirectives(patch);
  const retained = asArray(patch['$retainKeys']);
  const merged: JsonObject = {};
  for (const [field, value] of Object.entries(object)) {
    if (retained === undefined || retained.includes(field)) merged[field] = value;
  }
  for (const [field, value] of Object.entries(patch)) {
    if (field.startsWith('$')) continue;
    const inner = path === '' ? field : `${path}.${field}`;
    const nested = asObject(value);
    const elements = asArray(value);
    if (value === null || nested?.['$patch'] === 'delete') delete merged[field];
    else if (nested !== undefined) {
      merged[field] = strategicMerge(kind, asObject(merged[field]) ?? {}, nested, inner);
    } else if (elements !== undefined) {
      merged[field] = mergeList(kind, asArray(merged[field]) ?? [], elements, inner);
    } else merged[field] = value;
  }
  deleteFromSets(merged, patch);
  orderLists(kind, merged, patch, path);
  return merged;
}

function mergeList(
  kind: string,
  before: readonly unknown[],
  patch: readonly unknown[],
  path: string,
): unknown[] {
  const key = mergeKey(kind, path);
  if (key === undefined) return patch.map((element) => asObject(element) ?? element);
  if (key === '') return [...new Set([...before, ...patch])];
  const replace = patch.some((element) => asObject(element)?.['$patch'] === 'replace');
  const merged = replace ? [] : [...before];
  for (const element of patch) {
    const fields = asObject(element) ?? {};
    if (fields['$patch'] === 'replace') continue;
    const at = merged.findIndex((existing) => asObject(existing)?.[key] === fields[key]);
    if (fields['$patch'] === 'delete') {
      if (at >= 0) merged.splice(at, 1);
    } else if (at >= 0) {
      merged[at] = strategicMerge(kind, asObject(merged[at]) ?? {}, fields, path);
    } else merged.push(withoutDirectives(fields));
  }
  return merged;
}

function deleteFromSets(merged: JsonObject, patch: JsonObject): void {
  const prefix = '$deleteFromPrimitiveList/';
  for (const [directive, values] of Object.entries(patch)) {
    if (!directive.startsWith(prefix)) continue;
    const field = directive.slice(prefix.length);
    const gone = new Set(asArray(values));
    const left = asArray(merged[field])?.filter((value) => !gone.has(value));
    if (left !== undefined) merged[field] = left;
  }
}

function orderLists(kind: string, merged: JsonObject, patch: JsonObject, path: string): void {
  const prefix = '$setElementOrder/';
  for (const [directive, order] of Object.entries(patch)) {
    if (!directive.startsWith(prefix)) continue;
    const field = directive.slice(prefix.length);
    const key = mergeKey(kind, path === '' ? field : `${path}.${field}`);
    const elements = asArray(merged[field]);
    if (key === undefined || elements === undefined) continue;
    const keyOf = (element: unknown) => (key === '' ? element : asObject(element)?.[key]);
    const wanted = (asArray(order) ?? []).map(keyOf);
    const rank = (element: unknown) => {
      const at = wanted.indexOf(keyOf(element));
      return at < 0 ? wanted.length : at;
    };
    merged[field] = [...elements].sort((a, b) => rank(a) - rank(b));
  }
}

function mergeKey(kind: string, path: string): string | undefined {
  return MERGED_LISTS[`${kind} ${path}`] ?? MERGED_EVERYWHERE[path];
}

function withoutDirectives(fields: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(fields).filter(([field]) => asString(field)?.startsWith('$') !== true),
  );
}
