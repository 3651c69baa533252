import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { CAFE_HOST } from './cafe-nginx.ts';
import { COMPILE_CACHE } from './compile-cache.ts';
import { eventually } from './deadline.ts';
import type { Namespace, Subprocess } from './namespaces.ts';

const GUEST = fileURLToPath(new URL('./cafe-guest.ts', import.meta.url));

/** ms; an emulated processor takes its time. */
const PATIENCE_MS = 180_000;

/** A way into the cafe. */
export interface Entrance {
  readonly name: string;
  readonly address: string;
  readonly port: number;
}

/** A request for something that takes its time. */
export interface CafeOrder {
  readonly id: number;
  readonly entrance: Entrance;
  readonly path: string;
}

/** What came of a request. */
export interface CafeAnswer {
  readonly entrance: string;
  readonly path: string;
  readonly ms: number;
  /** Who has answered. */
  readonly pod?: string;
  /** The source address that the Pod has seen. */
  readonly client?: string;
  /** The source address that the ingress controller has seen. */
  readonly forwardedFor?: string;
  /** The ingress controller that was in between. */
  readonly controller?: string;
  readonly error?: string;
  /** Of an order. */
  readonly order?: number;
  /** The answer is on its way, but not all of it is here. */
  readonly begun?: boolean;
}

/** A pot that is being poured. */
export interface Pot {
  /** Who pours it. */
  readonly pod: string;
  /** Waits until it is all there; what has gone wrong is an answer, too. */
  whole(): Promise<CafeAnswer>;
}

/** Clients that ask every entrance all the time, from their start to their end. */
export class CafeGuests implements AsyncDisposable {
  readonly #process: Subprocess;
  readonly #answers: CafeAnswer[] = [];
  readonly #orders: CafeAnswer[] = [];
  #complaints = '';
  #lastOrder = 0;

  constructor(from: Namespace, certificate: string, entrances: readonly Entrance[]) {
    const command = [process.execPath, GUEST, certificate, CAFE_HOST, JSON.stringify(entrances)];
    this.#process = from.start(command, COMPILE_CACHE);
    this.#process.stderr.on('data', (text) => {
      this.#complaints += text;
    });
    createInterface({ input: this.#process.stdout }).on('line', (line) => {
      const answer: CafeAnswer = JSON.parse(line);
      (answer.order === undefined ? this.#answers : this.#orders).push(answer);
    });
  }

  /** How many answers there are: a point in time, for `since`. */
  get count(): number {
    return this.#answers.length;
  }

  since(count: number): readonly CafeAnswer[] {
    return this.#answers.slice(count);
  }

  /** Waits until every entrance has given so many more answers; those of requests that begin after this, if it is 2. */
  async more(entrances: readonly Entrance[], times = 2): Promise<readonly CafeAnswer[]> {
    const start = this.count;
    return await this.#until(`${times} more answers of each entrance`, () => {
      const answers = this.since(start);
      const enough = entrances.every(
        ({ name }) => answers.filter(({ entrance }) => entrance === name).length >= times,
      );
      return enough ? answers : undefined;
    });
  }

  /** Waits until each entrance has been answered by all of these. */
  async everywhere(entrances: readonly Entrance[], pods: readonly string[]): Promise<void> {
    const start = this.count;
    await this.#until(`answers of ${pods.join()} at each entrance`, () => {
      const seen = new Set(this.since(start).map(({ entrance, pod }) => `${entrance} ${pod}`));
      return entrances.every(({ name }) => pods.every((pod) => seen.has(`${name} ${pod}`))) || undefined;
    });
  }

  /** Orders a pot, and resolves when its first drops are there. */
  async order(entrance: Entrance, path: string): Promise<Pot> {
    const id = ++this.#lastOrder;
    const order: CafeOrder = { id, entrance, path };
    this.#process.stdin.write(`${JSON.stringify(order)}\n`);
    const of = (begun: true | undefined) =>
      this.#orders.find((each) => each.order === id && each.begun === begun);
    const { pod, error } = await this.#until('the first drops of a pot', () => of(true) ?? of(undefined));
    if (pod === undefined) throw new Error(`no pot of ${path}: ${error}`);
    return { pod, whole: () => this.#until('a whole pot', () => of(undefined)) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill();
    await this.#process;
  }

  async #until<T>(what: string, condition: () => T | undefined): Promise<T> {
    try {
      return await eventually(what, async () => condition(), { timeoutMs: PATIENCE_MS, pauseMs: 10 });
    } catch (error) {
      const last = this.#answers.slice(-3).map((answer) => JSON.stringify(answer));
      throw new Error(`${(error as Error).message}; ${last.join(' ')} ${this.#complaints}`);
    }
  }
}
