/** One line on a terminal that says what is being done, for as long as it is; nothing where nobody looks. */
export class Progress {
  readonly #stream: NodeJS.WriteStream;
  #shown = false;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  stage(what: string): void {
    if (!this.#stream.isTTY) return;
    this.clear();
    this.#stream.write(`${what}...`);
    this.#shown = true;
  }

  /** Takes the line away: something else is to be written. */
  clear(): void {
    if (!this.#shown) return;
    this.#stream.write('\r\x1b[K');
    this.#shown = false;
  }
}
