import http from 'node:http';
import https from 'node:https';
import { pipeline } from 'node:stream';
import { constants, createGunzip } from 'node:zlib';
import { type Clock, systemClock } from './clock.ts';
import { type Access, Credentials } from './credentials.ts';
import { networkError } from './errors.ts';
import { noObserver, type Observer } from './observer.ts';
import type { Environment } from './proxy.ts';
import { orAborted } from './watchdog.ts';

/** An authenticated way to one API server. */
export interface Connection {
  /** `host:port` of the API server, for messages and metrics. */
  readonly host: string;
  /**
   * Sends one request and resolves with the head of the answer, whatever its status; the body must be read or
   * discarded. A refusal of the credentials (401) is answered with fresh ones before it is passed on.
   * @throws ClusterError `config`, `unauthorized` (no credentials), `unreachable`; the signal's reason when it aborts
   */
  request(request: ApiRequest): Promise<ApiResponse>;
  /** Closes all connections, those in use too. */
  close(): void;
}

export interface ApiRequest {
  /** @default GET */
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** From the root of the API: `/api/v1/services`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Asks for a compressed body, which is unpacked on the way. @default false */
  readonly gzip?: boolean;
  /** Ends the exchange, the body included. */
  readonly signal: AbortSignal;
}

export interface ApiResponse {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  /** Throws ClusterError `unreachable` where the body breaks off. */
  readonly body: AsyncIterable<Buffer>;
  /** Lets go of a body that nobody will read. */
  discard(): void;
}

export interface ConnectionOptions {
  /** Path of a kubeconfig file. Absent, and `master` too: the Pod's service account. */
  readonly kubeconfig?: string | undefined;
  /** The API server's address; wins over the kubeconfig's. */
  readonly master?: string | undefined;
  /** Of the process: where the service account's server and the proxies are named. */
  readonly env: Environment;
  /** @default `/var/run/secrets/kubernetes.io/serviceaccount` */
  readonly serviceAccount?: string;
  readonly userAgent: string;
  readonly observer?: Observer;
  readonly clock?: Clock;
}

/**
 * Prepares the way to the API server; nothing is sent yet. Loads the client library, for authentication only.
 * @throws ClusterError `config` or `unauthorized`
 */
export async function openConnection(options: ConnectionOptions): Promise<Connection> {
  const { readKubeConfig } = await import('./kubeconfig.ts');
  const source = {
    kubeconfig: options.kubeconfig,
    master: options.master,
    env: options.env,
    serviceAccount: options.serviceAccount ?? '/var/run/secrets/kubernetes.io/serviceaccount',
  };
  const clock = options.clock ?? systemClock;
  const credentials = new Credentials(() => readKubeConfig(source), clock);
  const { server } = await credentials.get();
  return new ApiConnection(
    server.host,
    credentials,
    clock,
    options.observer ?? noObserver,
    options.userAgent,
  );
}

class ApiConnection implements Connection {
  readonly host: string;
  readonly #credentials: Credentials;
  readonly #clock: Clock;
  readonly #observer: Observer;
  readonly #userAgent: string;

  constructor(host: string, credentials: Credentials, clock: Clock, observer: Observer, userAgent: string) {
    this.host = host;
    this.#credentials = credentials;
    this.#clock = clock;
    this.#observer = observer;
    this.#userAgent = userAgent;
  }

  async request(request: ApiRequest): Promise<ApiResponse> {
    const access = await orAborted(this.#credentials.get(), request.signal);
    const response = await this.#send(request, access);
    if (response.status !== 401) return response;
    this.#credentials.refuse(access);
    const fresh = await orAborted(this.#credentials.get(), request.signal).catch((error: unknown) => {
      response.discard();
      throw error;
    });
    if (fresh.identity === access.identity) return response;
    response.discard();
    return this.#send(request, fresh);
  }

  close(): void {
    this.#credentials.close();
  }

  async #send(request: ApiRequest, access: Access): Promise<ApiResponse> {
    for (;;) {
      try {
        return await this.#exchange(request, access);
      } catch (error) {
        // A kept connection that the server had closed: nothing was lost by it. There are few of them.
        if (!(error instanceof StaleConnection)) throw error;
      }
    }
  }

  #exchange(request: ApiRequest, access: Access): Promise<ApiResponse> {
    const { signal, method = 'GET' } = request;
    const { host } = access.server;
    const body = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body));
    const started = this.#clock.now();
    const answered = (code: string): void =>
      this.#observer.requestDone({ verb: method, code, host, ms: this.#clock.now() - started });
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason);
        return;
      }
      const transport = access.server.protocol === 'https:' ? https : http;
      const sent = transport.request(urlOf(access.server, request), {
        method,
        agent: access.lease.agent,
        auth: access.auth,
        headers: this.#headers(request, access, body),
      });
      let received: http.IncomingMessage | undefined;
      const onAbort = (): void => {
        received?.destroy(asError(signal.reason));
        sent.destroy(asError(signal.reason));
      };
      access.lease.acquire();
      signal.addEventListener('abort', onAbort);
      sent.once('close', () => {
        signal.removeEventListener('abort', onAbort);
        access.lease.release();
      });
      sent.on('error', (error: NodeJS.ErrnoException) => {
        if (received !== undefined) return;
        if (signal.aborted) {
          reject(signal.reason);
        } else if (sent.reusedSocket && error.code === 'ECONNRESET' && method === 'GET') {
          reject(new StaleConnection());
        } else {
          answered('<error>');
          reject(networkError(host, error));
        }
      });
      sent.once('response', (message) => {
        received = message;
        answered(String(message.statusCode));
        resolve(responseOf(message, host, signal));
      });
      sent.end(body);
    });
  }

  #headers(request: ApiRequest, access: Access, body: Buffer | undefined): http.OutgoingHttpHeaders {
    const type = request.method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    return {
      ...access.headers,
      Accept: 'application/json',
      'User-Agent': this.#userAgent,
      ...(request.gzip ? { 'Accept-Encoding': 'gzip' } : {}),
      ...(body ? { 'Content-Type': type, 'Content-Length': body.length } : {}),
    };
  }
}

/** Never leaves this file. */
class StaleConnection extends Error {}

/** The server's address may have a path of its own, in front of the API's. */
function urlOf(server: URL, { path, query }: ApiRequest): URL {
  const url = new URL(server);
  url.pathname = `${server.pathname.replace(/\/$/, '')}${path}`;
  url.search = new URLSearchParams(query).toString();
  return url;
}

function responseOf(message: http.IncomingMessage, host: string, signal: AbortSignal): ApiResponse {
  const unpacked =
    message.headers['content-encoding'] === 'gzip'
      ? pipeline(message, createGunzip({ chunkSize: 64 * 1024, finishFlush: constants.Z_FINISH }), () => {})
      : message;
  async function* body(): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of unpacked) yield chunk as Buffer;
    } catch (error) {
      throw signal.aborted ? signal.reason : networkError(host, error);
    }
  }
  return {
    status: message.statusCode ?? 0,
    headers: message.headers,
    body: { [Symbol.asyncIterator]: body },
    discard: () => {
      unpacked.on('error', () => {});
      message.on('error', () => {});
      message.destroy();
    },
  };
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
