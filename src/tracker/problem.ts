/** Something in an object that cannot be used. What it costs is the smallest unit that it makes meaningless. */
export interface Problem {
  readonly kind: string;
  /** `namespace/name`, or what there is of it. */
  readonly object: string;
  readonly field: string;
  /** One line for people: object, field, what it may be, what it is, and what is left out because of it. */
  readonly message: string;
}

export type Report = (problem: Problem) => void;

/** Reports problems of one object in one form. */
export class ObjectProblems {
  readonly #kind: string;
  readonly #object: string;
  readonly #report: Report;

  constructor(kind: string, object: string, report: Report) {
    this.#kind = kind;
    this.#object = object;
    this.#report = report;
  }

  /**
   * @param must what the field may be, as in "must be ..."
   * @param cost what is left out, as in "ignored: ..."
   */
  add(field: string, must: string, value: unknown, cost: string): void {
    const message = `${this.#kind} ${this.#object}: ${field} must be ${must}: current value is ${show(value)}; ${cost}`;
    this.#report({ kind: this.#kind, object: this.#object, field, message });
  }
}

/** One line, of bounded length, with no character that could hurt a terminal or a log. */
export function show(value: unknown): string {
  const text = value === undefined ? 'missing' : (JSON.stringify(value) ?? String(value));
  const short = text.length > 100 ? `${text.slice(0, 97)}...` : text;
  return short.replace(/[\u007f-\u009f\u2028\u2029]/g, '?');
}
