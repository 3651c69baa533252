/** Wakes one waiter. A notification that nobody waits for is kept; many are as good as one. */
export class Wakeup {
  #pending = false;
  #resume: (() => void) | undefined;

  notify(): void {
    this.#pending = true;
    this.#resume?.();
  }

  /** Resolves to true after a notification, and to false when the signal aborts. */
  async wait(signal: AbortSignal): Promise<boolean> {
    if (!this.#pending && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          this.#resume = undefined;
          signal.removeEventListener('abort', done);
          resolve();
        };
        this.#resume = done;
        signal.addEventListener('abort', done);
      });
    }
    this.#pending = false;
    return !signal.aborted;
  }
}
