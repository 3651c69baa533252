import { asArray, asObject, asString, type JsonObject, valueAt } from './json.ts';
import { strategicMerge } from './strategic-merge.ts';

export const PATCH_TYPES = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
] as const;

export type PatchType = (typeof PATCH_TYPES)[number];

/** A patch that cannot be applied. */
export class PatchError extends Error {
  override readonly name = 'PatchError';
}

/**
 * Applies a patch to an object and returns the new one.
 * @param kind decides which lists a strategic merge patch merges
 * @throws PatchError
 */
export function applyPatch(type: PatchType, kind: string, object: JsonObject, patch: unknown): JsonObject {
  if (type === 'application/json-patch+json') return jsonPatch(object, asArray(patch) ?? []);
  const fields = asObject(patch);
  if (fields === undefined) throw new PatchError('a patch must be a JSON object');
  if (type === 'application/merge-patch+json') return mergePatch(object, fields);
  return strategicMerge(kind, object, fields);
}

/** RFC 7386. */
export function mergePatch(object: JsonObject, patch: JsonObject): JsonObject {
  const merged: JsonObject = { ...object };
  for (const [field, value] of Object.entries(patch)) {
    const inner = asObject(value);
    if (value === null) delete merged[field];
    else if (inner !== undefined) merged[field] = mergePatch(asObject(merged[field]) ?? {}, inner);
    else merged[field] = value;
  }
  return merged;
}

/** RFC 6902. */
export function jsonPatch(object: JsonObject, operations: readonly unknown[]): JsonObject {
  let document: unknown = structuredClone(object);
  for (const entry of operations) {
    const operation = asString(valueAt(entry, 'op')) ?? '';
    const path = pointer(valueAt(entry, 'path'));
    const value: unknown = structuredClone(valueAt(entry, 'value'));
    if (operation === 'add') document = put(document, path, value, true);
    else if (operation === 'replace') {
      find(document, path);
      document = put(document, path, value, false);
    } else if (operation === 'remove') remove(document, path);
    else if (operation === 'test') {
      if (JSON.stringify(find(document, path)) !== JSON.stringify(value)) {
        throw new PatchError(`testing value /${path.join('/')} failed`);
      }
    } else if (operation === 'copy' || operation === 'move') {
      const from = pointer(valueAt(entry, 'from'));
      const moved = structuredClone(find(document, from));
      if (operation === 'move') remove(document, from);
      document = put(document, path, moved, true);
    } else throw new PatchError(`unexpected kind: ${operation}`);
  }
  const result = asObject(document);
  if (result === undefined) throw new PatchError('the result is no JSON object');
  return result;
}

function pointer(value: unknown): string[] {
  const text = asString(value) ?? '';
  if (text === '') return [];
  if (!text.startsWith('/')) throw new PatchError(`"${text}" is no JSON pointer`);
  const parts = text.slice(1).split('/');
  return parts.map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function find(document: unknown, path: readonly string[]): unknown {
  let current = document;
  for (const part of path) {
    const next = Array.isArray(current) ? (current as unknown[])[Number(part)] : asObject(current)?.[part];
    if (next === undefined) throw new PatchError(`there is nothing at /${path.join('/')}`);
    current = next;
  }
  return current;
}

function put(document: unknown, path: readonly string[], value: unknown, insert: boolean): unknown {
  const last = path.at(-1);
  if (last === undefined) return value;
  const parent = find(document, path.slice(0, -1));
  if (Array.isArray(parent)) {
    const index = last === '-' ? parent.length : Number(last);
    if (!Number.isInteger(index) || index < 0 || index > parent.length) {
      throw new PatchError(`there is no place /${path.join('/')}`);
    }
    parent.splice(index, insert ? 0 : 1, value);
  } else {
    const fields = asObject(parent);
    if (fields === undefined) throw new PatchError(`there is no place /${path.join('/')}`);
    fields[last] = value;
  }
  return document;
}

function remove(document: unknown, path: readonly string[]): void {
  find(document, path);
  const parent = find(document, path.slice(0, -1));
  const last = path.at(-1) ?? '';
  if (Array.isArray(parent)) parent.splice(Number(last), 1);
  else delete asObject(parent)?.[last];
}
