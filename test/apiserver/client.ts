import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { JsonObject } from './json.ts';

/** One request, as plain as it can be: nothing is retried, followed, unpacked or kept alive. */
export interface Ask {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | object;
  /** PEM. */
  readonly tls?: { readonly ca: string; readonly cert?: string; readonly key?: string };
}

export interface Answer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly bytes: Buffer;
  readonly text: string;
  /** The body as JSON; undefined where it is none. */
  readonly json: JsonObject | undefined;
}

/**
 * Sends one request and reads the whole response.
 * @throws Error where the connection breaks before the response is complete
 */
export async function ask(url: string, asked: Ask = {}): Promise<Answer> {
  const response = await respond(url, asked);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  const text = bytes.toString();
  return { status: response.statusCode ?? 0, headers: response.headers, bytes, text, json: parsed(text) };
}

/** One event of a watch. */
export interface WatchEvent {
  readonly type: string;
  readonly object: JsonObject;
}

/** A watch that is being read. */
export interface OpenWatch {
  readonly status: number;
  readonly events: WatchEvent[];
  /** Pieces in which the body came. */
  readonly chunks: Buffer[];
  /** What came after the last whole line. */
  readonly rest: string;
  /** `open`, then `ended` (in good order) or `broken`. */
  readonly state: 'open' | 'ended' | 'broken';
  close(): void;
}

/** Sends a request for a watch, and reads events into `events` as they come. */
export async function openWatch(url: string, asked: Ask = {}): Promise<OpenWatch> {
  const response = await respond(url, asked);
  const events: WatchEvent[] = [];
  const chunks: Buffer[] = [];
  let unread = Buffer.alloc(0);
  let state: OpenWatch['state'] = 'open';
  response.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    unread = Buffer.concat([unread, chunk]);
    for (let end = unread.indexOf(0x0a); end >= 0; end = unread.indexOf(0x0a)) {
      events.push(JSON.parse(unread.subarray(0, end).toString()) as WatchEvent);
      unread = unread.subarray(end + 1);
    }
  });
  response.on('end', () => {
    state = 'ended';
  });
  response.on('error', () => {
    state = 'broken';
  });
  return {
    status: response.statusCode ?? 0,
    events,
    chunks,
    get rest() {
      return unread.toString();
    },
    get state() {
      return state;
    },
    close: () => response.destroy(),
  };
}

function respond(url: string, asked: Ask): Promise<IncomingMessage> {
  const body =
    asked.body === undefined || typeof asked.body === 'string' ? asked.body : JSON.stringify(asked.body);
  const about =
    body === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) };
  const headers = { ...about, ...asked.headers };
  const options = { method: asked.method ?? 'GET', headers, agent: false };
  return new Promise((resolve, reject) => {
    const sent: ClientRequest = url.startsWith('https:')
      ? httpsRequest(url, { ...options, ...asked.tls }, resolve)
      : httpRequest(url, options, resolve);
    sent.once('error', reject);
    sent.end(body);
  });
}

function parsed(text: string): JsonObject | undefined {
  try {
    return JSON.parse(text) as JsonObject;
  } catch {
    return undefined;
  }
}
