/** Prometheus' text format, taken apart. */
export interface Exposition {
  /** By metric. */
  readonly types: ReadonlyMap<string, string>;
  /** By series, labels in the order of their names: `name{a="1",b="2"}`. */
  readonly values: ReadonlyMap<string, number>;
  /** Names of the labels of a metric, `le` left out. */
  labels(metric: string): readonly string[];
}

/** @throws Error for a line that Prometheus would not take */
export function parseExposition(text: string): Exposition {
  const types = new Map<string, string>();
  const values = new Map<string, number>();
  const labels = new Map<string, Set<string>>();
  for (const line of text.split('\n')) {
    const [, typed, type] = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line) ?? [];
    if (typed !== undefined && type !== undefined) types.set(typed, type);
    if (line === '' || line.startsWith('#')) continue;
    const [, name, inBraces = '', value] = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) throw new Error(`not a sample: ${line}`);
    const pairs = [...inBraces.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)].map(([pair]) => pair).sort();
    values.set(pairs.length === 0 ? name : `${name}{${pairs.join(',')}}`, numberOf(value));
    const metric = types.has(name) ? name : name.replace(/_(bucket|sum|count)$/, '');
    const known = labels.get(metric) ?? new Set<string>();
    labels.set(metric, known);
    for (const pair of pairs) known.add(pair.slice(0, pair.indexOf('=')));
  }
  return {
    types,
    values,
    labels: (metric) => [...(labels.get(metric) ?? [])].filter((label) => label !== 'le').sort(),
  };
}

function numberOf(text: string): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY;
  const value = Number(text);
  if (text === '' || Number.isNaN(value)) throw new Error(`not a number: ${text}`);
  return value;
}
