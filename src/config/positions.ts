import { EVENT_ID, type Event, getScalarValue, parseEvents } from 'js-yaml';

/**
 * Where things stand in a YAML document: dotted paths (`a.b`, list items as `a[0]`) with the line of their key or
 * item, from 1. The text has been loaded before without an error.
 */
export function yamlLines(text: string): ReadonlyMap<string, number> {
  const lines = new Map<string, number>();
  const events = parseEvents(text, {})[Symbol.iterator]();
  const starts = lineStarts(text);
  const next = () => events.next().value ?? { type: EVENT_ID.POP };

  const note = (path: string, event: Event) => {
    const offset = offsetOf(event);
    if (path !== '' && offset >= 0 && !lines.has(path)) lines.set(path, lineAt(starts, offset));
  };
  const walk = (path: string, event: Event) => {
    note(path, event);
    if (event.type === EVENT_ID.SEQUENCE) {
      for (let index = 0, item = next(); item.type !== EVENT_ID.POP; item = next(), index++) {
        walk(`${path}[${index}]`, item);
      }
    } else if (event.type === EVENT_ID.MAPPING) {
      for (let key = next(); key.type !== EVENT_ID.POP; key = next()) {
        const name = key.type === EVENT_ID.SCALAR ? getScalarValue(text, key) : '?';
        const below = path === '' ? name : `${path}.${name}`;
        note(below, key);
        if (key.type !== EVENT_ID.SCALAR) walk(below, key);
        walk(below, next());
      }
    }
  };

  for (let event = next(); event.type !== EVENT_ID.POP; event = next()) {
    if (event.type !== EVENT_ID.DOCUMENT) walk('', event);
  }
  return lines;
}

function offsetOf(event: Event): number {
  if (event.type === EVENT_ID.SCALAR) return event.valueStart;
  return event.type === EVENT_ID.MAPPING || event.type === EVENT_ID.SEQUENCE ? event.start : -1;
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

function lineAt(starts: readonly number[], offset: number): number {
  const after = starts.findIndex((start) => start > offset);
  return after < 0 ? starts.length : after;
}
