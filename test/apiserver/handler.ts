import type { IncomingMessage, ServerResponse } from 'node:http';
import { type AnswerParts, answer, answerPath } from './answers.ts';
import { type Authentication, authenticate, type User } from './authentication.ts';
import { sendBody } from './body.ts';
import type { FailNext, Faults } from './faults.ts';
import { type ResourceRequest, route } from './routes.ts';
import {
  forbidden,
  internalError,
  methodNotAllowed,
  Refusal,
  serviceUnavailable,
  unauthorized,
} from './statuses.ts';

/** What a request asked for, and what it got. */
export interface LoggedRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** As authorisation names it, `''` for paths that are no resource. */
  readonly verb: string;
  /** Plural, `''` for paths that are no resource. */
  readonly resource: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** 0: not answered yet. */
  readonly status: number;
}

/** Says whether a request is refused with 403. */
export type Deny = (request: ResourceRequest & { readonly user: User }) => boolean;

export interface HandlerParts extends AnswerParts {
  readonly authentication: Authentication;
  readonly deny: Deny;
  readonly log: (request: LoggedRequest) => void;
}

/** Answers one request, whatever it is. Never throws. */
export async function handle(
  parts: HandlerParts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { faults } = parts;
  const method = request.method ?? 'GET';
  const url = new URL(request.url ?? '/', 'http://server');
  const target = route(method, url);
  const routed = typeof target === 'object' ? target : undefined;
  parts.log({
    method,
    path: request.url ?? '/',
    verb: routed?.verb ?? '',
    resource: routed?.resource.plural ?? '',
    headers: request.headers,
    get status() {
      return response.headersSent ? response.statusCode : 0;
    },
  });
  response.setHeader('Audit-Id', crypto.randomUUID());
  response.setHeader('Cache-Control', 'no-cache, private');
  response.setHeader('Content-Type', 'application/json');
  try {
    await faults.flowing();
    const failure = faults.takeFailure(routed?.verb ?? '', routed?.resource.plural ?? '');
    if (failure !== undefined) return await fail(failure, response, faults);
    const user = authenticate(request, parts.authentication);
    if (user === undefined) throw unauthorized();
    response.setHeader('X-Kubernetes-Pf-Flowschema-Uid', FLOW_SCHEMA_UID);
    response.setHeader('X-Kubernetes-Pf-Prioritylevel-Uid', PRIORITY_LEVEL_UID);
    if (routed !== undefined) {
      if (parts.deny({ ...routed, user })) {
        response.setHeader('X-Content-Type-Options', 'nosniff');
        const { verb, resource, namespace, name } = routed;
        throw forbidden(user.name, verb, resource, namespace, name);
      }
      await answer(parts, routed, url, request, response);
    } else if (target === 'method') throw methodNotAllowed();
    else await answerPath(url.pathname, response, faults);
  } catch (error) {
    await refuse(error, response, faults);
  }
}

const FLOW_SCHEMA_UID = '9f968692-f55e-49fc-b09c-d3db6c8cad13';
const PRIORITY_LEVEL_UID = 'af9f1067-08d8-4699-abff-99dd46866878';

async function fail(rule: FailNext, response: ServerResponse, faults: Faults): Promise<void> {
  const retryAfter = rule.retryAfter ?? (rule.status === 429 ? 1 : undefined);
  if (retryAfter !== undefined) response.setHeader('Retry-After', retryAfter);
  if (rule.status === 429) {
    // What the real server's flow control says, which is no Status object.
    response.statusCode = 429;
    response.setHeader('Content-Type', 'text/plain; charset=utf-8');
    response.setHeader('X-Content-Type-Options', 'nosniff');
    return sendBody(response, 'Too many requests, please try again later.\n', faults);
  }
  if (rule.status === 500) throw internalError('etcdserver: request timed out');
  if (rule.status === 401) throw unauthorized();
  if (rule.status === 403)
    throw new Refusal(403, 'Forbidden', 'forbidden: not yet permitted', { details: {} });
  throw serviceUnavailable();
}

async function refuse(error: unknown, response: ServerResponse, faults: Faults): Promise<void> {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const refusal = error instanceof Refusal ? error : internalError(String(error));
  response.statusCode = refusal.code;
  if (refusal.retryAfter !== undefined && !response.hasHeader('Retry-After')) {
    response.setHeader('Retry-After', refusal.retryAfter);
  }
  await sendBody(response, `${JSON.stringify(refusal.status)}\n`, faults);
}
