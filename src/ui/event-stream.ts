import type { Clock } from '../cluster/clock.ts';
import { Wakeup } from '../wakeup.ts';

const CLIENTS = 8;
/** Events that wait for a slow client, at most. */
const WAITING = 256;
/** ms. Proxies on the way, and clients that have gone without a word, are noticed by it. */
const HEARTBEAT_MS = 15_000;

/** What happens, told to those who listen (server-sent events). Costs nothing while nobody does. */
export class EventStream {
  readonly #clock: Clock;
  readonly #clients = new Set<Client>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param data what goes with it, as JSON; made only where somebody listens */
  publish(event: string, data: () => unknown): void {
    if (this.#clients.size === 0) return;
    const text = eventText(event, data());
    for (const client of this.#clients) client.push(text);
  }

  /** The events from now on, until the signal aborts; undefined where too many listen already. */
  open(signal: AbortSignal): AsyncIterable<string> | undefined {
    if (this.#clients.size >= CLIENTS) return undefined;
    const client = new Client();
    if (!signal.aborted) this.#clients.add(client);
    signal.addEventListener('abort', () => this.#clients.delete(client), { once: true });
    return this.#events(client, signal);
  }

  async *#events(client: Client, signal: AbortSignal): AsyncGenerator<string> {
    let cancel = (): void => {};
    const beat = (): void => {
      client.push(':\n\n');
      cancel = this.#clock.after(HEARTBEAT_MS, beat);
    };
    cancel = this.#clock.after(HEARTBEAT_MS, beat);
    try {
      yield `retry: 2000\n${eventText('hello', {})}`;
      while (!signal.aborted && (await client.wakeup.wait(signal))) {
        if (client.isBehind) return;
        yield client.take();
      }
    } finally {
      cancel();
      this.#clients.delete(client);
    }
  }
}

class Client {
  readonly wakeup = new Wakeup();
  #waiting: string[] = [];

  push(text: string): void {
    if (this.isBehind) return;
    this.#waiting.push(text);
    this.wakeup.notify();
  }

  get isBehind(): boolean {
    return this.#waiting.length >= WAITING;
  }

  take(): string {
    const text = this.#waiting.join('');
    this.#waiting = [];
    return text;
  }
}

function eventText(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
