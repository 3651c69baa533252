import type { RequestListener } from 'node:http';
import type { Clock } from '../cluster/clock.ts';
import type { Logger } from '../cluster/observer.ts';
import { RuntimeFailure } from '../failure.ts';
import { HttpListener } from './http-listener.ts';

export interface BoundServerOptions {
  /** For people: `health server`. */
  readonly name: string;
  /** An unspecified address of either family means all addresses of both, as kube-proxy has it. */
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** bindAddressHardFail: a port that cannot be had at the start is the end. */
  readonly hardFail: boolean;
  readonly handler: RequestListener;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The port cannot be had; called once for each time that it is lost. For an Event. */
  readonly refused?: (message: string) => void;
}

/** One of the two servers of the proxy itself, on the address that the configuration gives. */
export class BoundServer {
  readonly #options: BoundServerOptions;
  readonly #listener: HttpListener;
  #troubled = false;

  constructor(options: BoundServerOptions) {
    const { host, port, handler, clock } = options;
    this.#options = options;
    this.#listener = new HttpListener({
      host: host === '0.0.0.0' || host === '::' ? '' : host,
      port,
      handler,
      clock,
      refused: (error) => this.#refused(error),
      listening: () => this.#listening(),
    });
  }

  /**
   * Resolves after the first attempt; where it failed, more follow.
   * @throws RuntimeFailure `bind`, under hardFail, where the first attempt failed
   */
  async start(): Promise<void> {
    const error = await this.#listener.start();
    if (error === undefined || !this.#options.hardFail) return;
    await this.#listener.close();
    throw new RuntimeFailure('bind', this.#messageOf(error), { cause: error });
  }

  /** The port it listens on; undefined while it does not. */
  get port(): number | undefined {
    return this.#listener.address?.port;
  }

  close(): Promise<void> {
    return this.#listener.close();
  }

  #refused(error: NodeJS.ErrnoException): void {
    if (this.#troubled) return;
    this.#troubled = true;
    const message = this.#messageOf(error);
    const { hardFail, logger, refused } = this.#options;
    if (!hardFail) logger.warn({ code: error.code }, `${message}; trying again every 5 s`);
    refused?.(message);
  }

  #listening(): void {
    const { name, logger } = this.#options;
    const fields = { address: this.#listener.address?.address, port: this.port };
    if (this.#troubled) logger.info(fields, `the ${name} listens at last`);
    else logger.debug(fields, `the ${name} listens`);
    this.#troubled = false;
  }

  #messageOf(error: NodeJS.ErrnoException): string {
    const { name, host, port } = this.#options;
    return `the ${name} cannot listen on ${host.includes(':') ? `[${host}]` : host}:${port}: ${reasonOf(error)}`;
  }
}

/** Why a port cannot be had, for people. */
export function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'EADDRINUSE') return 'the port is in use';
  if (code === 'EADDRNOTAVAIL') return 'no interface has the address';
  if (code === 'EACCES') return 'no permission for a port so low';
  return message;
}
