/** The metric names and labels that an expression of Prometheus' query language relies on. */
export interface Expression {
  readonly metrics: readonly string[];
  readonly selectors: readonly Selector[];
  /** Labels that results are grouped by. */
  readonly grouping: readonly string[];
}

export interface Selector {
  readonly metric: string;
  /** `job="kube-proxy"`. */
  readonly matchers: readonly string[];
}

const KEYWORDS = new Set(['and', 'or', 'unless', 'by', 'without', 'on', 'ignoring', 'bool', 'offset']);

/** Reads as much of the language as deploy/monitoring uses. */
export function readExpression(text: string): Expression {
  const selectors = [...text.matchAll(/([a-z_:]\w*)\{([^}]*)\}/g)].map(([, metric = '', inside = '']) => ({
    metric,
    matchers: inside.match(/\w+\s*(?:=~|!~|!=|=)\s*"[^"]*"/g) ?? [],
  }));
  const grouping = [...text.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, labels = '']) => wordsOf(labels));
  const bare = text
    .replaceAll(/\{[^}]*\}|\[[^\]]*\]|"[^"]*"/g, ' ')
    .replaceAll(/\b(by|on|without|ignoring) \([^)]*\)/g, ' ');
  const metrics = [...bare.matchAll(/\b([a-z_:]\w*)\b(?!\s*\()/gi)]
    .map(([, word = '']) => word)
    .filter((word) => !KEYWORDS.has(word));
  return { metrics: [...new Set(metrics)], selectors, grouping: [...new Set(grouping)] };
}

export function labelOf(matcher: string): string {
  return matcher.replace(/\W.*/, '');
}

function wordsOf(text: string): readonly string[] {
  return text.split(/[\s,]+/).filter(Boolean);
}
