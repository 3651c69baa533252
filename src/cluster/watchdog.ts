import type { Clock } from './clock.ts';
import type { ClusterError } from './errors.ts';

/** Ends one exchange when its owner ends, or when nothing has been heard for too long. */
export class Watchdog {
  readonly #clock: Clock;
  readonly #parent: AbortSignal;
  readonly #controller = new AbortController();
  readonly #onParent = (): void => this.#controller.abort(this.#parent.reason);
  #cancel: () => void = () => {};

  constructor(clock: Clock, parent: AbortSignal) {
    this.#clock = clock;
    this.#parent = parent;
    if (parent.aborted) this.#onParent();
    else parent.addEventListener('abort', this.#onParent);
  }

  /** Aborts with the owner, or with the error given to `expect`. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The next sign of life must come within `ms`. Replaces the expectation before. */
  expect(ms: number, error: () => ClusterError): void {
    this.#cancel();
    this.#cancel = this.#clock.after(ms, () => this.#controller.abort(error()));
  }

  close(): void {
    this.#cancel();
    this.#parent.removeEventListener('abort', this.#onParent);
  }
}

/** The promise's outcome, unless the signal aborts first: then its reason is thrown, and the outcome ignored. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort);
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
