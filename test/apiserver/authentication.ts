import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';

/** Who sends a request. */
export interface User {
  readonly name: string;
  readonly groups: readonly string[];
}

export interface Authentication {
  /** Bearer token → user name. Can be changed while the server runs. */
  readonly tokens: ReadonlyMap<string, string>;
  /** True where nobody has to say who they are. */
  readonly anonymous: boolean;
}

/**
 * Tells who sends a request: by bearer token, or by a client certificate that the server's client CA has signed
 * (common name = user, organisations = groups). Impersonation is followed without asking for the right to it.
 * @returns undefined for an unknown token, or for no credentials where they are needed
 */
export function authenticate(request: IncomingMessage, authentication: Authentication): User | undefined {
  const user = byToken(request, authentication) ?? byCertificate(request) ?? anybody(authentication);
  const impersonated = request.headers['impersonate-user'];
  if (user !== undefined && typeof impersonated === 'string') return { name: impersonated, groups: [] };
  return user;
}

function byToken(request: IncomingMessage, { tokens }: Authentication): User | undefined {
  const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
  const name = token === undefined ? undefined : tokens.get(token);
  return name === undefined ? undefined : { name, groups: [] };
}

function anybody({ anonymous }: Authentication): User | undefined {
  return anonymous ? { name: 'system:anonymous', groups: ['system:unauthenticated'] } : undefined;
}

function byCertificate(request: IncomingMessage): User | undefined {
  const { socket } = request;
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const subject = socket.getPeerCertificate().subject as
    | { CN?: string | string[]; O?: string | string[] }
    | undefined;
  const name = [subject?.CN ?? []].flat()[0];
  return name === undefined ? undefined : { name, groups: [subject?.O ?? []].flat() };
}
