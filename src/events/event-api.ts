import type { Clock } from '../cluster/clock.ts';
import type { ApiRequest, Connection } from '../cluster/connection.ts';
import { ClusterError } from '../cluster/errors.ts';
import { type EventReport, type EventSeries, eventObject, namespaceOf } from './event.ts';

/**
 * What became of a request:
 * - `done`: the Event is there
 * - `gone`: there is no such Event (any more)
 * - `later`: the API server is away or busy; the same may work after `after` ms
 * - `refused`: it will never work
 */
export type Outcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'gone' }
  | { readonly kind: 'later'; readonly message: string; readonly after: number | undefined }
  | { readonly kind: 'refused'; readonly message: string };

/** An Event that the API server has been given. */
export interface PostedEvent {
  readonly namespace: string;
  readonly name: string;
}

const ANSWER_MS = 30_000;

/** Writes Events to the API server. */
export class EventApi {
  readonly #connection: Pick<Connection, 'request'>;
  readonly #nodeName: string;
  readonly #clock: Clock;
  #serial = 0;

  constructor(connection: Pick<Connection, 'request'>, nodeName: string, clock: Clock) {
    this.#connection = connection;
    this.#nodeName = nodeName;
    this.#clock = clock;
  }

  /** The Event to be created for this report, as it is now. */
  prepare(report: EventReport, at: number): { readonly posted: PostedEvent; readonly object: object } {
    const object = eventObject(report, this.#nodeName, at, this.#serial++) as {
      metadata: { name: string };
    };
    return { posted: { namespace: namespaceOf(report.regarding), name: object.metadata.name }, object };
  }

  /** Never rejects. */
  create({ namespace }: PostedEvent, object: object, signal: AbortSignal): Promise<Outcome> {
    return this.#send({ method: 'POST', path: pathOf(namespace), body: object }, signal);
  }

  /** Never rejects. */
  repeat({ namespace, name }: PostedEvent, series: EventSeries, signal: AbortSignal): Promise<Outcome> {
    const path = `${pathOf(namespace)}/${name}`;
    return this.#send({ method: 'PATCH', path, body: { series } }, signal);
  }

  async #send(request: Omit<ApiRequest, 'signal'>, signal: AbortSignal): Promise<Outcome> {
    const late = new AbortController();
    const cancel = this.#clock.after(ANSWER_MS, () => late.abort(new Error('no answer in 30 s')));
    try {
      const both = AbortSignal.any([signal, late.signal]);
      const { status, headers, body } = await this.#connection.request({ ...request, signal: both });
      const said = await messageIn(body);
      return outcomeOf(request.method, status, said, headers['retry-after']);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const config = error instanceof ClusterError && error.code === 'config';
      return config ? { kind: 'refused', message } : { kind: 'later', message, after: undefined };
    } finally {
      cancel();
    }
  }
}

function pathOf(namespace: string): string {
  return `/apis/events.k8s.io/v1/namespaces/${namespace}/events`;
}

function outcomeOf(
  method: ApiRequest['method'],
  status: number,
  said: string,
  retryAfter: string | undefined,
): Outcome {
  // An attempt whose answer was lost has left it there.
  if (status < 300 || (method === 'POST' && status === 409)) return { kind: 'done' };
  if (method === 'PATCH' && status === 404) return { kind: 'gone' };
  const message = `the API server answers ${status}: ${said}`;
  if (status === 429 || status >= 500) {
    const seconds = Number(retryAfter);
    return { kind: 'later', message, after: seconds > 0 ? seconds * 1000 : undefined };
  }
  const hint = status === 403 ? '; events.k8s.io events need the verbs create and patch' : '';
  return { kind: 'refused', message: message + hint };
}

const MAX_STATUS_BYTES = 65_536;

/** What a Status says; the body is read to its end, so that the connection can be used again. */
async function messageIn(body: AsyncIterable<Buffer>): Promise<string> {
  let text = '';
  for await (const chunk of body) if (text.length < MAX_STATUS_BYTES) text += chunk.toString();
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    return typeof message === 'string' ? message : 'nothing';
  } catch {
    return text.trim().slice(0, 200) || 'nothing';
  }
}
