import {
  CORE_SCHEMA,
  constructFromEvents,
  EVENT_ID,
  type Event,
  mergeTag,
  parseEvents,
  YAMLException,
} from 'js-yaml';
import { UsageError } from '../config/usage.ts';
import { ClusterError } from './errors.ts';
import { ObjectStream } from './json-stream.ts';

/** One of the documents of a text: whatever YAML or JSON can say. */
export interface Document {
  readonly value: unknown;
  /** `FILE:LINE` of its beginning, or the file alone where that is not known. */
  readonly place: () => string;
}

/**
 * The documents of a YAML or JSON text.
 * @param source how the text is called in messages
 * @throws UsageError naming source, line and column
 */
export function parseDocuments(text: string, source: string): readonly Document[] {
  const json = /^\s*[{[]/.test(text) ? parseJson(text) : undefined;
  // What is no JSON may be YAML in flow style; if not, the YAML parser says where it is wrong.
  return json?.map((value) => ({ value, place: () => source })) ?? parseYaml(text, source);
}

/** JSON.parse is many times faster than YAML, and dumps of big clusters are JSON. undefined: it is not JSON. */
function parseJson(text: string): readonly unknown[] | undefined {
  try {
    return [JSON.parse(text)];
  } catch {
    // Perhaps several, one after the other, as two calls of kubectl print them.
  }
  const found: unknown[] = [];
  const stream = new ObjectStream((object) => found.push(object));
  try {
    stream.push(Buffer.from(text));
  } catch (error) {
    if (error instanceof ClusterError) return undefined;
    throw error;
  }
  return stream.end() ? found : undefined;
}

/** kubectl knows merge keys (`<<: *defaults`) too. */
const SCHEMA = CORE_SCHEMA.withTags(mergeTag);

function parseYaml(text: string, source: string): readonly Document[] {
  try {
    const events = parseEvents(text, { filename: source });
    const starts = unfold(events, text, source);
    return constructFromEvents(events, { source: text, filename: source, schema: SCHEMA }).map(
      (value, i) => ({
        value,
        place: () => placeOf(source, text, starts[i] ?? 0),
      }),
    );
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    const line = error.mark ? `:${error.mark.line + 1}:${error.mark.column + 1}` : '';
    throw new UsageError(`${source}${line}: ${error.reason}`, { cause: error });
  }
}

/** Values that a file may have more than it shows, through its aliases. */
const MAX_ALIASED_VALUES = 1_000_000;

/**
 * Follows all aliases, without building anything: ten lines of them can stand for more than any memory holds, and
 * one that stands inside of what it means never ends.
 * @returns where each document's content begins
 * @throws UsageError at the alias that is too much
 */
function unfold(events: readonly Event[], text: string, source: string): readonly number[] {
  const starts: number[] = [];
  /** Values in what an anchor names; undefined while that is open. */
  const sizes = new Map<string, number | undefined>();
  const open: { readonly anchor: string | undefined; size: number }[] = [];
  let aliased = 0;
  for (const event of events) {
    let size = 1;
    let anchor = 'anchorStart' in event ? text.slice(event.anchorStart, event.anchorEnd) : undefined;
    switch (event.type) {
      case EVENT_ID.DOCUMENT:
        sizes.clear();
        starts.push(-1);
        open.push({ anchor: undefined, size: 0 });
        continue;
      case EVENT_ID.SEQUENCE:
      case EVENT_ID.MAPPING:
        if (starts.at(-1) === -1) starts[starts.length - 1] = event.start;
        if (anchor) sizes.set(anchor, undefined);
        open.push({ anchor, size: 1 });
        continue;
      case EVENT_ID.SCALAR:
        if (starts.at(-1) === -1) starts[starts.length - 1] = event.valueStart;
        break;
      case EVENT_ID.ALIAS: {
        const name = anchor ?? '';
        // An anchor that is not there is the parser's to report.
        size = sizes.get(name) ?? 0;
        aliased += size;
        anchor = undefined;
        if (sizes.has(name) && size === 0) {
          throw new UsageError(
            `${placeOf(source, text, event.anchorStart)}: *${name} is an alias of the value that it is part of`,
          );
        }
        if (aliased > MAX_ALIASED_VALUES) {
          throw new UsageError(
            `${placeOf(source, text, event.anchorStart)}: with *${name} the aliases of the file stand for more than ${MAX_ALIASED_VALUES} values`,
          );
        }
        break;
      }
      case EVENT_ID.POP: {
        const closed = open.pop();
        size = closed?.size ?? 0;
        anchor = closed?.anchor;
      }
    }
    if (anchor) sizes.set(anchor, size);
    const around = open.at(-1);
    if (around) around.size += size;
  }
  return starts;
}

function placeOf(source: string, text: string, offset: number): string {
  return `${source}:${text.slice(0, Math.max(offset, 0)).split(/\r\n|\r|\n/).length}`;
}
