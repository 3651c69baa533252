import { ClusterError } from './errors.ts';

/**
 * Splits a watch: JSON objects one after the other, cut into chunks anywhere. Each object is parsed and passed on
 * as soon as its last byte is there.
 */
export class ObjectStream {
  readonly #scanner: Scanner;

  /** @param emit takes each object */
  constructor(emit: (object: unknown) => void) {
    this.#scanner = new Scanner('objects', emit);
  }

  /** @throws ClusterError `protocol` where it is no JSON */
  push(chunk: Buffer): void {
    this.#scanner.push(chunk);
  }

  /** Tells whether the stream ended between two objects. */
  end(): boolean {
    return this.#scanner.depth === 0;
  }
}

/**
 * Splits a list, `{"kind":…,"metadata":…,"items":[{…},{…}]}`, without ever holding it whole: each item is passed on
 * as soon as it is complete, and what is around the items comes back at the end.
 */
export class ListStream {
  readonly #scanner: Scanner;

  /** @param emit takes each item */
  constructor(emit: (item: unknown) => void) {
    this.#scanner = new Scanner('items', emit);
  }

  /** @throws ClusterError `protocol` where it is no JSON */
  push(chunk: Buffer): void {
    this.#scanner.push(chunk);
  }

  /** The list object, `items` empty. @throws ClusterError `unreachable` where the list broke off */
  end(): unknown {
    const envelope = Buffer.concat(this.#scanner.envelope);
    if (this.#scanner.depth !== 0 || !envelope.includes('{')) {
      throw new ClusterError('unreachable', 'the API server broke off in the middle of a list');
    }
    return parse(envelope);
  }
}

/** etcd keeps objects under 1.5 MB by default: what is far beyond is no object. */
const MAX_OBJECT_BYTES = 32 * 1024 * 1024;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
/** The level of objects in a list outside of its items: none. */
const NOWHERE = Number.POSITIVE_INFINITY;

/** Counts braces and brackets outside of strings. All tokens of JSON are ASCII, so characters need no decoding here. */
class Scanner {
  depth = 0;
  /** List only: all bytes but those between the brackets of `items`. */
  readonly envelope: Buffer[] = [];
  readonly #list: boolean;
  readonly #emit: (object: unknown) => void;
  #inString = false;
  #escaped = false;
  /** Objects that open at this depth are passed on. */
  #level: number;
  /** The beginning of an object whose end has not come yet. */
  #pieces: Buffer[] = [];
  #size = 0;

  constructor(mode: 'objects' | 'items', emit: (object: unknown) => void) {
    this.#list = mode === 'items';
    this.#level = this.#list ? NOWHERE : 0;
    this.#emit = emit;
  }

  push(chunk: Buffer): void {
    let depth = this.depth;
    let inString = this.#inString;
    let escaped = this.#escaped;
    let level = this.#level;
    let start = this.#size > 0 ? 0 : -1;
    let outside = this.#list && level === NOWHERE ? 0 : -1;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at] as number;
      if (inString) {
        if (escaped) escaped = false;
        else if (byte === BACKSLASH) escaped = true;
        else if (byte === QUOTE) inString = false;
        continue;
      }
      switch (byte) {
        case QUOTE:
          inString = true;
          break;
        case 0x7b: // {
          if (depth === level) start = at;
          depth++;
          break;
        case 0x7d: // }
          depth--;
          if (depth === level) {
            this.#complete(chunk.subarray(start, at + 1));
            start = -1;
          }
          break;
        case 0x5b: // [
          if (depth === 1 && this.#list && this.#opensItems(chunk.subarray(outside, at))) {
            this.envelope.push(chunk.subarray(outside, at + 1));
            outside = -1;
            level = 2;
          }
          depth++;
          break;
        case 0x5d: // ]
          depth--;
          if (depth === 1 && level === 2) {
            level = NOWHERE;
            outside = at;
          }
          break;
        default:
          if (depth === 0 && byte > SPACE) throw notJSON(chunk.subarray(at));
      }
      if (depth < 0) throw notJSON(chunk.subarray(at));
    }
    this.depth = depth;
    this.#inString = inString;
    this.#escaped = escaped;
    this.#level = level;
    if (start >= 0) this.#keep(chunk.subarray(start));
    if (outside >= 0) this.envelope.push(chunk.subarray(outside));
  }

  #keep(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#size += piece.length;
    if (this.#size > MAX_OBJECT_BYTES) {
      throw new ClusterError(
        'protocol',
        `the API server sent an object of more than ${MAX_OBJECT_BYTES} bytes`,
      );
    }
  }

  #complete(end: Buffer): void {
    if (this.#size === 0) {
      this.#emit(parse(end));
      return;
    }
    this.#pieces.push(end);
    const whole = Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#size = 0;
    this.#emit(parse(whole));
  }

  /** Between `"items":` and its bracket there is nothing but space, whatever chunk the key came in. */
  #opensItems(before: Buffer): boolean {
    return /"items"\s*:\s*$/.test(Buffer.concat([...this.envelope, before]).toString('latin1'));
  }
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw new ClusterError('protocol', 'the API server sent JSON that does not parse', { cause: error });
  }
}

function notJSON(bytes: Buffer): ClusterError {
  const excerpt = JSON.stringify(bytes.toString('utf8', 0, 60));
  return new ClusterError('protocol', `the API server sent something that is no JSON: ${excerpt}`);
}
