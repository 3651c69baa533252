import type { IncomingHttpHeaders, IncomingMessage, RequestListener, ServerResponse } from 'node:http';

/** What a path answers with. */
export interface Answer {
  /** @default 200 */
  readonly status?: number;
  readonly type: string;
  /** Parts of it as they come, where it may be big. */
  readonly body: string | Iterable<string> | AsyncIterable<string | Buffer>;
  /** For browsers: the name of a file to save it as. */
  readonly filename?: string;
  /** Others that it has. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface RouteRequest {
  readonly method: string;
  readonly query: URLSearchParams;
  readonly accept: string;
  readonly headers: IncomingHttpHeaders;
  /** At most 64 KiB. */
  readonly text: () => Promise<string>;
  /** Aborts when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

export interface Route {
  readonly path: string;
  /** Besides GET and HEAD. */
  readonly methods?: readonly string[];
  /** Without GET and HEAD. @default false */
  readonly writeOnly?: boolean;
  readonly answer: (request: RouteRequest) => Answer | Promise<Answer>;
}

export const TEXT = 'text/plain; charset=utf-8';
export const JSON_TYPE = 'application/json';

export function text(body: string, status = 200): Answer {
  return { status, type: TEXT, body };
}

/** Answers each path by its route; others are 404, other methods 405. */
export function routeHandler(routes: readonly Route[]): RequestListener {
  const byPath = new Map(routes.map((route) => [route.path, route]));
  return (request, response) => {
    void answerRequest(byPath, request, response).catch(() => response.destroy());
  };
}

async function answerRequest(
  routes: ReadonlyMap<string, Route>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method = 'GET', url = '/' } = request;
  const [path = '', query] = url.split('?', 2);
  const route = routes.get(path);
  if (route === undefined) {
    await send(response, text('404 page not found\n', 404));
    return;
  }
  const allowed = [...(route.writeOnly ? [] : ['GET', 'HEAD']), ...(route.methods ?? [])];
  if (!allowed.includes(method)) {
    response.setHeader('Allow', allowed.join(', '));
    await send(response, text('method not allowed\n', 405));
    return;
  }
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  let answer: Answer;
  try {
    answer = await route.answer({
      method,
      query: new URLSearchParams(query),
      accept: request.headers.accept ?? '',
      headers: request.headers,
      text: () => readText(request),
      signal: gone.signal,
    });
  } catch (error) {
    answer = text(`${error instanceof Error ? error.message : String(error)}\n`, 500);
  }
  await send(response, answer);
}

async function send(response: ServerResponse, answer: Answer): Promise<void> {
  const { status = 200, type, body, filename, headers = {} } = answer;
  response.statusCode = status;
  response.setHeader('Content-Type', type);
  response.setHeader('X-Content-Type-Options', 'nosniff');
  if (filename !== undefined) response.setHeader('Content-Disposition', `attachment; filename="${filename}"`);
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (typeof body === 'string') {
    response.setHeader('Content-Length', Buffer.byteLength(body));
    response.end(body);
    return;
  }
  if (response.req.method !== 'HEAD') {
    for await (const part of body) {
      if (response.destroyed) break;
      if (!response.write(part)) await drained(response);
    }
  }
  response.end();
}

/** Who has not read anything for so long has gone. ms. */
const STALLED_MS = 30_000;

/** Resolves when there is room again, or nobody there any more. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => response.destroy(), STALLED_MS).unref();
    const done = (): void => {
      clearTimeout(timer);
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.on('drain', done).on('close', done);
    if (response.destroyed) done();
  });
}

const MAX_TEXT_BYTES = 65_536;

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length;
    if (bytes > MAX_TEXT_BYTES) throw new Error(`a request must be of at most ${MAX_TEXT_BYTES} bytes`);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString();
}
