/** A JSON object of which nothing is known yet. */
export type JsonObject = { [field: string]: unknown };

/** The value as an object, or undefined where it is anything else (null and arrays included). */
export function asObject(value: unknown): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as JsonObject)
    : undefined;
}

export function asArray(value: unknown): readonly unknown[] | undefined {
  return Array.isArray(value) ? value : undefined;
}

export function asString(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** The value behind a path of fields, or undefined where the path ends early. */
export function valueAt(value: unknown, ...path: readonly string[]): unknown {
  let current = value;
  for (const field of path) current = asObject(current)?.[field];
  return current;
}

/** The entries of an object that are strings, such as labels and annotations. */
export function stringEntries(value: unknown): Record<string, string> {
  const entries: Record<string, string> = {};
  for (const [key, entry] of Object.entries(asObject(value) ?? {})) {
    if (typeof entry === 'string') entries[key] = entry;
  }
  return entries;
}
