import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Connection } from '../cluster/connection.ts';
import { networkError } from '../cluster/errors.ts';
import { asObject, asString, type Json, objects } from '../tracker/fields.ts';

/** ms that the API server may take for one answer. */
export const ANSWER_MS = 4_500;
/** Objects that a list is read to: more are named nowhere. */
const MOST = 500;

/** What the API server says to one question. */
export interface ApiAnswer {
  readonly status: number;
  /** Of a Status: why. */
  readonly message: string;
  readonly items: readonly Json[];
  readonly body: Json;
}

/** Asks small questions, each with a time limit. */
export class ApiReader {
  readonly host: string;
  readonly #connection: Connection;
  readonly #signal: AbortSignal;

  constructor(connection: Connection, signal: AbortSignal) {
    this.host = connection.host;
    this.#connection = connection;
    this.#signal = signal;
  }

  /** One object or the first 500 of a list, whatever the status. @throws ClusterError */
  async get(path: string, query: Readonly<Record<string, string>> = {}): Promise<ApiAnswer> {
    const limit = path.startsWith('/api') ? { limit: String(MOST) } : {};
    return await this.#within(async (signal) => {
      const response = await this.#connection.request({ path, query: { ...limit, ...query }, signal });
      const body = parsed(await text(Readable.from(response.body)));
      const { status } = response;
      return { status, message: asString(body['message']) ?? '', items: objects(body['items']), body };
    });
  }

  /** The status with which a watch begins; it is ended at once. @throws ClusterError */
  async watchStatus(path: string, query: Readonly<Record<string, string>>): Promise<number> {
    return await this.#within(async (signal) => {
      // Bookmarks make the server answer at once where nothing happens.
      const watch = { ...query, watch: 'true', timeoutSeconds: '1', allowWatchBookmarks: 'true' };
      const response = await this.#connection.request({ path, query: watch, signal });
      response.discard();
      return response.status;
    });
  }

  async #within<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const limit = AbortSignal.timeout(ANSWER_MS);
    try {
      return await work(AbortSignal.any([this.#signal, limit]));
    } catch (error) {
      if (!limit.aborted) throw networkError(this.host, error);
      throw networkError(this.host, new Error(`no answer for ${ANSWER_MS / 1000} s`));
    }
  }
}

function parsed(body: string): Json {
  try {
    return asObject(JSON.parse(body)) ?? {};
  } catch {
    return {};
  }
}
