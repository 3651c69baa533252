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
  const json = /^\s*[{[]/.test(text) ? parseJson(text, source) : undefined;
  // What is no JSON may be YAML in flow style; if not, the YAML parser says where it is wrong.
  return json ?? parseYaml(text, source);
}

/** JSON.parse is many times faster than YAML, and dumps of big clusters are JSON. undefined: it is not JSON. */
function parseJson(text: string, source: string): readonly Document[] | undefined {
  try {
    return [{ value: JSON.parse(text), place: () => `${source}:1` }];
  } catch {
    // Perhaps several objects, one after the other, as two calls of kubectl print them.
  }
  const found: Document[] = [];
  const stream = new ObjectStream((value) => found.push({ value, place: () => source }));
  try {
    stream.push(Buffer.from(text));
  } catch (error) {
    if (error instanceof ClusterError) return undefined;
    throw error;
  }
  return stream.end() && found.length > 0 ? found : undefined;
}

/** kubectl knows merge keys (`<<: *defaults`) too. */
const SCHEMA = CORE_SCHEMA.withTags(mergeTag);

function parseYaml(text: string, source: string): readonly Document[] {
  const placeOf = (offset: number): string => `${source}:${text.slice(0, offset).split(/\r\n|\r|\n/).length}`;
  try {
    const events = parseEvents(text, { filename: source });
    const inspection = new Inspection(text, placeOf);
    for (const event of events) inspection.visit(event);
    const values = constructFromEvents(events, { source: text, filename: source, schema: SCHEMA });
    return values.map((value, i) => ({ value, place: () => placeOf(inspection.starts[i] ?? 0) }));
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    const line = error.mark ? `:${error.mark.line + 1}:${error.mark.column + 1}` : '';
    throw new UsageError(`${source}${line}: ${error.reason}`, { cause: error });
  }
}

/** Values that a file may have more than it shows, through its aliases. */
const MAX_ALIASED_VALUES = 1_000_000;

interface Collection {
  readonly mapping: boolean;
  readonly anchor: string;
  /** Values directly in it, keys too. */
  count: number;
  /** Values in it, itself too, with all aliases followed. */
  size: number;
}

/**
 * Looks through a text that parses before anything is built of it: ten lines of aliases can stand for more than any
 * memory holds, one that stands inside of what it means never ends, and keys that are no text have no place in JSON.
 */
class Inspection {
  /** Where each document's content begins. */
  readonly starts: number[] = [];
  readonly #text: string;
  readonly #placeOf: (offset: number) => string;
  /** How many values each anchor of the document names; 'open' while it is not known. */
  readonly #anchors = new Map<string, number | 'open'>();
  readonly #open: Collection[] = [];
  #aliased = 0;

  constructor(text: string, placeOf: (offset: number) => string) {
    this.#text = text;
    this.#placeOf = placeOf;
  }

  /** @throws UsageError at what is too much */
  visit(event: Event): void {
    switch (event.type) {
      case EVENT_ID.DOCUMENT:
        this.#anchors.clear();
        this.starts.push(0);
        this.#open.push({ mapping: false, anchor: '', count: 0, size: 0 });
        break;
      case EVENT_ID.SEQUENCE:
      case EVENT_ID.MAPPING: {
        this.#startAt(event.start);
        const around = this.#open.at(-1);
        if (around?.mapping && around.count % 2 === 0) {
          throw new UsageError(
            `${this.#placeOf(event.start)}: a key must be text: this may be an unfilled template`,
          );
        }
        const anchor = this.#nameOf(event);
        if (anchor !== '') this.#anchors.set(anchor, 'open');
        this.#open.push({ mapping: event.type === EVENT_ID.MAPPING, anchor, count: 0, size: 1 });
        break;
      }
      case EVENT_ID.SCALAR:
        this.#startAt(event.valueStart);
        this.#add(1, this.#nameOf(event));
        break;
      case EVENT_ID.ALIAS:
        this.#add(this.#follow(this.#nameOf(event), event.anchorStart), '');
        break;
      case EVENT_ID.POP: {
        const closed = this.#open.pop();
        if (closed) this.#add(closed.size, closed.anchor);
      }
    }
  }

  #startAt(offset: number): void {
    if (this.#open.length === 1) this.starts[this.starts.length - 1] = offset;
  }

  #nameOf({ anchorStart, anchorEnd }: { readonly anchorStart: number; readonly anchorEnd: number }): string {
    return anchorStart < 0 ? '' : this.#text.slice(anchorStart, anchorEnd);
  }

  #follow(name: string, offset: number): number {
    // An anchor that is not there is for the parser to report.
    const size = this.#anchors.get(name) ?? 0;
    if (size === 'open') {
      throw new UsageError(`${this.#placeOf(offset)}: *${name} is an alias of the value that it is part of`);
    }
    this.#aliased += size;
    if (this.#aliased > MAX_ALIASED_VALUES) {
      const count = `more than ${MAX_ALIASED_VALUES} values`;
      throw new UsageError(
        `${this.#placeOf(offset)}: with *${name} the aliases of the file stand for ${count}`,
      );
    }
    return size;
  }

  #add(size: number, anchor: string): void {
    if (anchor !== '') this.#anchors.set(anchor, size);
    const around = this.#open.at(-1);
    if (!around) return;
    around.count++;
    around.size += size;
  }
}
