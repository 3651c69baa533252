/**
 * What a tool printed, made comparable: what it holds (a chain, a set, a virtual server …) by name, each with its
 * lines. A reader has sorted lines whose order does not count.
 */
export type Dump = ReadonlyMap<string, readonly string[]>;

/** Makes a tool's output comparable. */
export type DumpReader = (text: string) => Dump;

/** What is missing from `actual` and what is there too much, a line each. Empty: they are equal. */
export function differences(expected: Dump, actual: Dump): readonly string[] {
  return [...new Set([...expected.keys(), ...actual.keys()])].sort().flatMap((name) => {
    const wanted = expected.get(name);
    const found = actual.get(name);
    if (wanted === undefined) return [`${name}: extra, with ${found?.length} lines`];
    if (found === undefined) return [`${name}: missing, with ${wanted.length} lines`];
    return lineDifferences(name, wanted, found);
  });
}

function lineDifferences(name: string, wanted: readonly string[], found: readonly string[]): string[] {
  const missing = without(wanted, found);
  const extra = without(found, wanted);
  if (missing.length + extra.length > 0) {
    return [
      ...missing.map((line) => `${name}: missing: ${line}`),
      ...extra.map((line) => `${name}: extra: ${line}`),
    ];
  }
  return wanted.flatMap((line, i) =>
    line === found[i] ? [] : [`${name}: other order, line ${i + 1}: expected ${line}, but found ${found[i]}`],
  );
}

/** Each line as often as it is in `lines` more than in `others`. */
function without(lines: readonly string[], others: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const line of others) left.set(line, (left.get(line) ?? 0) + 1);
  return lines.filter((line) => {
    const count = left.get(line) ?? 0;
    if (count > 0) left.set(line, count - 1);
    return count === 0;
  });
}
