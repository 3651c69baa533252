/** What a selector looks at. */
export interface Selectable {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly fields: Readonly<Record<string, string>>;
}

/** Tells whether an object is selected. Undefined selects all, and lets callers skip the work. */
export type Selector = ((object: Selectable) => boolean) | undefined;

/** A selector that does not parse. The message is the one the real server answers with. */
export class SelectorError extends Error {
  override readonly name = 'SelectorError';
}

/**
 * Parses a labelSelector: `key`, `!key`, `key=value`, `key==value`, `key!=value`, `key in (a,b)`,
 * `key notin (a,b)`, joined by commas.
 * @throws SelectorError
 */
export function labelSelector(text: string): Selector {
  if (text.trim() === '') return undefined;
  const requirements = splitOutsideBrackets(text).map(labelRequirement);
  return (object) => requirements.every((matches) => matches(object.labels));
}

/**
 * Parses a fieldSelector: `field=value`, `field==value`, `field!=value`, joined by commas.
 * @param known fields that the resource can be selected by, besides metadata.name and metadata.namespace
 * @throws SelectorError for a field that is not known
 */
export function fieldSelector(text: string, known: ReadonlySet<string>): Selector {
  if (text.trim() === '') return undefined;
  const requirements = text.split(',').map((part) => {
    const match = /^\s*([^=!]+?)\s*(==|=|!=)\s*(.*?)\s*$/.exec(part);
    const [, field, operator, value] = match ?? [];
    if (field === undefined || value === undefined) {
      throw new SelectorError(`invalid selector: '${part}'; can't understand '${part}'`);
    }
    if (field !== 'metadata.name' && field !== 'metadata.namespace' && !known.has(field)) {
      throw new SelectorError(`field label not supported: ${field}`);
    }
    const wanted = operator !== '!=';
    return (object: Selectable) => (fieldValue(object, field) === value) === wanted;
  });
  return (object) => requirements.every((matches) => matches(object));
}

/** Selects what both select. */
export function both(a: Selector, b: Selector): Selector {
  if (a === undefined) return b;
  if (b === undefined) return a;
  return (object) => a(object) && b(object);
}

function fieldValue(object: Selectable, field: string): string {
  if (field === 'metadata.name') return object.name;
  if (field === 'metadata.namespace') return object.namespace;
  return object.fields[field] ?? '';
}

type LabelRequirement = (labels: Readonly<Record<string, string>>) => boolean;

function labelRequirement(text: string): LabelRequirement {
  const set = /^\s*([^\s!=,()]+)\s+(in|notin)\s+\(([^()]*)\)\s*$/.exec(text);
  if (set?.[1] !== undefined && set[3] !== undefined) {
    const key = set[1];
    const values = new Set(set[3].split(',').map((value) => value.trim()));
    const wanted = set[2] === 'in';
    return (labels) => {
      const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
      return value === undefined ? !wanted : values.has(value) === wanted;
    };
  }
  const equality = /^\s*([^\s!=,()]+)\s*(==|=|!=)\s*([^\s!=,()]*)\s*$/.exec(text);
  if (equality?.[1] !== undefined && equality[3] !== undefined) {
    const [, key, operator, value] = equality;
    return operator === '!='
      ? (labels) => !Object.hasOwn(labels, key) || labels[key] !== value
      : (labels) => Object.hasOwn(labels, key) && labels[key] === value;
  }
  const existence = /^\s*(!?)\s*([^\s!=,()]+)\s*$/.exec(text);
  if (existence?.[2] === undefined) {
    throw new SelectorError(`unable to parse requirement: found '${text.trim()}', expected: identifier`);
  }
  const key = existence[2];
  const wanted = existence[1] === '';
  return (labels) => Object.hasOwn(labels, key) === wanted;
}

function splitOutsideBrackets(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let index = 0; index < text.length; index++) {
    const character = text[index];
    if (character === '(') depth++;
    if (character === ')') depth--;
    if (character === ',' && depth === 0) {
      parts.push(text.slice(start, index));
      start = index + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}
