import type { ReadStream, WriteStream } from 'node:tty';

const ENTER = '\x1b[?1049h\x1b[?25l';
const LEAVE = '\x1b[?25h\x1b[?1049l';
const HOME = '\x1b[H';
const TO_END_OF_LINE = '\x1b[K';
const TO_END_OF_SCREEN = '\x1b[J';

const CTRL_C = '\x03';

/** The alternate screen of a terminal: what was there before comes back when it is closed. */
export class Screen {
  readonly #output: WriteStream;
  readonly #input: ReadStream;
  readonly #onKey: (data: Buffer) => void;
  readonly #onResize: () => void;

  /**
   * @param listener `quit`: by q or Ctrl-C; `resized`: draw again
   */
  constructor(
    output: WriteStream,
    input: ReadStream,
    listener: { readonly quit: () => void; readonly resized: () => void },
  ) {
    this.#output = output;
    this.#input = input;
    this.#onKey = (data) => {
      const keys = data.toString();
      if (keys.includes('q') || keys.includes(CTRL_C)) listener.quit();
    };
    this.#onResize = listener.resized;
    output.write(ENTER);
    output.on('resize', this.#onResize);
    if (!input.isTTY) return;
    input.setRawMode(true);
    input.on('data', this.#onKey).resume();
  }

  get rows(): number {
    return this.#output.rows;
  }

  get columns(): number {
    return this.#output.columns;
  }

  /** Replaces all that is shown, in one write, so that nothing flickers. Lines must fit. */
  draw(lines: readonly string[]): void {
    const text = lines.map((line) => line + TO_END_OF_LINE).join('\r\n');
    this.#output.write(`${HOME}${text}${TO_END_OF_SCREEN}`);
  }

  close(): void {
    this.#output.off('resize', this.#onResize);
    this.#output.write(LEAVE);
    if (!this.#input.isTTY) return;
    this.#input.off('data', this.#onKey).pause();
    this.#input.setRawMode(false);
  }
}
