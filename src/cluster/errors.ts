/**
 * What can go wrong between a node and its API server:
 * - `config`: the kubeconfig or the service account cannot be read
 * - `unreachable`: no connection, no answer, or an answer that broke off
 * - `unauthorized`: no credentials to be had, or the server refuses them (401)
 * - `forbidden`: the credentials are good, the role is not (403)
 * - `absent`: the server does not know the resource (404)
 * - `expired`: the resource version is too old (410): only a new list helps
 * - `unavailable`: the server asks for patience (429) or is in trouble (5xx)
 * - `protocol`: an answer that an API server should not give
 */
export type ClusterErrorCode =
  | 'config'
  | 'unreachable'
  | 'unauthorized'
  | 'forbidden'
  | 'absent'
  | 'expired'
  | 'unavailable'
  | 'protocol';

export interface ClusterErrorDetails {
  readonly cause?: unknown;
  /** The HTTP status, or the code of a Status that came as a watch event. */
  readonly status?: number;
  /** How long the server wants to be left alone, in ms. */
  readonly retryAfterMs?: number | undefined;
}

/** The one error of this folder. `message` is one line for people; callers ask for `code`. */
export class ClusterError extends Error {
  override readonly name = 'ClusterError';
  readonly code: ClusterErrorCode;
  /** What the process ends with where this ends it: 2 where the command line, or a file that it names, is wrong. */
  readonly exitCode: 1 | 2;
  readonly status: number | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(code: ClusterErrorCode, message: string, details: ClusterErrorDetails = {}) {
    super(message.replaceAll(/\s+/g, ' ').trim(), 'cause' in details ? { cause: details.cause } : undefined);
    this.code = code;
    this.exitCode = code === 'config' ? 2 : 1;
    this.status = details.status;
    this.retryAfterMs = details.retryAfterMs;
  }
}

/**
 * What the operating system, TLS or HTTP report, in one line that names the server.
 * @param host where the request went, as `host:port`
 */
export function networkError(host: string, error: unknown): ClusterError {
  if (error instanceof ClusterError) return error;
  return new ClusterError('unreachable', `the API server ${host} cannot be reached: ${reasonOf(error)}`, {
    cause: error,
  });
}

/** The first line of whatever was thrown. An attempt on several addresses speaks through its first failure. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  if (!(error instanceof Error)) return String(error);
  const line = error.message.trim().split('\n')[0] ?? '';
  return line === '' ? error.name : line;
}
