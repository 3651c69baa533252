/** Something in an object that cannot be used. What it costs is the smallest unit that it makes meaningless. */
export interface Problem {
  readonly kind: string;
  /** `namespace/name`, or what there is of it. */
  readonly object: string;
  /** The object's uid, where it has one. */
  readonly uid: string | undefined;
  readonly field: string;
  /** One line for people: object, field, what it may be, what it is, and what is left out because of it. */
  readonly message: string;
}

export type Report = (problem: Problem) => void;

/** Reports problems of one object in one form. */
export class ObjectProblems {
  readonly #kind: string;
  readonly #object: string;
  readonly #uid: string | undefined;
  readonly #report: Report;

  constructor(kind: string, object: string, uid: string | undefined, report: Report) {
    this.#kind = kind;
    this.#object = object;
    this.#uid = uid;
    this.#report = report;
  }

  /**
   * @param must what the field may be, as in "must be ..."
   * @param value undefined where the field is missing
   * @param cost what is left out or done instead
   */
  add(field: string, must: string, value: unknown, cost: string): void {
    const what =
      value === undefined
        ? `${field} is missing: it must be ${must}`
        : `${field} must be ${must}: current value is ${show(value)}`;
    const message = `${this.#kind} ${this.#object}: ${what}; ${cost}`;
    this.#report({ kind: this.#kind, object: this.#object, uid: this.#uid, field, message });
  }

  /** The object at a field. Empty where there is none, and where there is something else: that is a problem. */
  object(value: unknown, field: string, cost: string): Readonly<Record<string, unknown>> {
    if (value === undefined || value === null) return {};
    if (typeof value === 'object' && !Array.isArray(value)) return value as Readonly<Record<string, unknown>>;
    this.add(field, 'an object', value, cost);
    return {};
  }

  /** The list at a field. Empty where there is none, and where there is something else: that is a problem. */
  list(value: unknown, field: string, cost: string): readonly unknown[] {
    if (value === undefined || value === null) return [];
    if (Array.isArray(value)) return value;
    this.add(field, 'a list', value, cost);
    return [];
  }
}

/** Characters of a value that a message shows. */
const SHOWN = 100;

/** A value as JSON: one line, of bounded length, with no character that could hurt a terminal or a log. */
export function show(value: unknown): string {
  let text = '';
  for (const piece of jsonPieces(value)) {
    text += piece;
    if (text.length > SHOWN) break;
  }
  const short = text.length > SHOWN ? `${text.slice(0, SHOWN - 3)}...` : text;
  return short.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, escaped);
}

/** Piece by piece, for values that are too long or too deep to be printed whole. */
function* jsonPieces(value: unknown): Iterable<string> {
  if (Array.isArray(value)) {
    yield '[';
    for (let i = 0; i < value.length; i++) {
      if (i > 0) yield ',';
      yield* jsonPieces(value[i]);
    }
    yield ']';
  } else if (typeof value === 'object' && value !== null) {
    yield '{';
    for (const [i, [key, inner]] of Object.entries(value).entries()) {
      yield `${i > 0 ? ',' : ''}${jsonText(key)}:`;
      yield* jsonPieces(inner);
    }
    yield '}';
  } else {
    yield typeof value === 'string' ? jsonText(value) : String(value);
  }
}

function jsonText(text: string): string {
  return JSON.stringify(text.slice(0, SHOWN));
}

function escaped(character: string): string {
  return `\\u{${character.codePointAt(0)?.toString(16)}}`;
}
