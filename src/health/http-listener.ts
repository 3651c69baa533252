import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, ListenOptions } from 'node:net';
import type { Clock } from '../cluster/clock.ts';

export interface HttpListenerOptions {
  /**
   * An address; empty: all addresses of both families. `0.0.0.0` and `::` mean those of their own family.
   */
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly handler: RequestListener;
  readonly clock: Clock;
  /** ms between attempts to get the port. @default 5 s, as kube-proxy */
  readonly retry?: number;
  /** An attempt has failed: the port is in use, say, or the address is not there. */
  readonly refused: (error: NodeJS.ErrnoException) => void;
  readonly listening?: () => void;
}

const RETRY_MS = 5_000;

/** One HTTP server that goes on trying for its port until it is closed. */
export class HttpListener {
  readonly #options: HttpListenerOptions;
  #server: Server | undefined;
  #attempt: Promise<unknown> = Promise.resolve();
  #cancelRetry = (): void => {};
  #closed = false;

  constructor(options: HttpListenerOptions) {
    this.#options = options;
  }

  /** Makes the first attempt. @returns what went wrong with it, undefined when it listens. Never rejects. */
  start(): Promise<NodeJS.ErrnoException | undefined> {
    const attempt = this.#try();
    this.#attempt = attempt;
    return attempt;
  }

  /** Where it listens; undefined while it does not. */
  get address(): AddressInfo | undefined {
    const address = this.#server?.address();
    return typeof address === 'object' && address !== null ? address : undefined;
  }

  /** Gives the port up at once, breaking connections off. Resolves when it is free. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelRetry();
    await this.#attempt;
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }

  async #try(): Promise<NodeJS.ErrnoException | undefined> {
    const { host, port, handler, clock, retry = RETRY_MS, refused, listening } = this.#options;
    const server = createServer(LIMITS, handler);
    const error = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
      server.once('error', resolve);
      server.listen(listenOptions(host, port), () => resolve(undefined));
    });
    if (error === undefined) {
      server.on('error', refused);
      this.#server = server;
      if (!this.#closed) listening?.();
      return undefined;
    }
    if (this.#closed) return error;
    refused(error);
    this.#cancelRetry = clock.after(retry, () => void this.start());
    return error;
  }
}

/** Anybody who reaches the port may talk to it: nobody may hold it up. ms and bytes. */
const LIMITS = { maxHeaderSize: 16_384, headersTimeout: 10_000, requestTimeout: 30_000 };

function listenOptions(host: string, port: number): ListenOptions {
  if (host === '') return { port };
  return { host, port, ipv6Only: host.includes(':') };
}
