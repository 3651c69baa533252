import type { Clock } from './clock.ts';
import type { ApiResponse } from './connection.ts';
import { ClusterError, type ClusterErrorCode } from './errors.ts';
import type { Resource } from './resources.ts';

/** What was asked for, for messages. */
export interface Question {
  readonly verb: 'list' | 'watch';
  readonly resource: Resource;
}

/** A Status tells all in a few lines; whatever else comes with an error is cut here. */
const MAX_STATUS_BYTES = 64 * 1024;

/** The error that an answer with a status other than 200 stands for. Reads the body. Never throws. */
export async function errorOfResponse(
  response: ApiResponse,
  question: Question,
  clock: Clock,
): Promise<ClusterError> {
  let text = '';
  try {
    for await (const chunk of response.body) {
      text += chunk.toString('utf8');
      if (text.length > MAX_STATUS_BYTES) break;
    }
  } catch {
    // The status line says enough.
  }
  const header = retryAfterMs(response.headers['retry-after'], clock);
  return errorOf(response.status, parsed(text), text, header, question);
}

/** The error that an ERROR event of a watch stands for. */
export function errorOfEvent(object: unknown, question: Question): ClusterError {
  const status = asStatus(object);
  return errorOf(status.code ?? 500, status, JSON.stringify(object) ?? '', undefined, question);
}

interface Status {
  readonly code?: number;
  readonly message?: string;
  readonly details?: { readonly retryAfterSeconds?: number };
}

function errorOf(
  code: number,
  status: Status,
  text: string,
  retryAfter: number | undefined,
  question: Question,
): ClusterError {
  const seconds = status.details?.retryAfterSeconds;
  const said = status.message ?? (text.trim().slice(0, 200) || 'nothing');
  return new ClusterError(codeOf(code), messageOf(code, said, question), {
    status: code,
    retryAfterMs: retryAfter ?? (typeof seconds === 'number' ? seconds * 1000 : undefined),
  });
}

function codeOf(status: number): ClusterErrorCode {
  if (status === 401) return 'unauthorized';
  if (status === 403) return 'forbidden';
  if (status === 404) return 'absent';
  if (status === 410) return 'expired';
  return status === 429 || status >= 500 ? 'unavailable' : 'protocol';
}

function messageOf(status: number, said: string, { verb, resource }: Question): string {
  const attempt = `cannot ${verb} ${resource.plural}`;
  if (status === 401) {
    return `${attempt}: the API server does not accept these credentials (401: ${said})`;
  }
  if (status === 403) {
    const rule = `apiGroups: ["${resource.group}"], resources: ["${resource.plural}"], verbs: ["list", "watch"]`;
    return `${attempt}: not allowed; bind the ClusterRole system:node-proxier, or one with {${rule}} (403: ${said})`;
  }
  return `${attempt}: the API server answers ${status}: ${said}`;
}

function parsed(text: string): Status {
  try {
    return asStatus(JSON.parse(text));
  } catch {
    return {};
  }
}

function asStatus(object: unknown): Status {
  const status = typeof object === 'object' && object !== null ? (object as Record<string, unknown>) : {};
  return {
    ...(typeof status['code'] === 'number' ? { code: status['code'] } : {}),
    ...(typeof status['message'] === 'string' ? { message: status['message'] } : {}),
    ...(typeof status['details'] === 'object' && status['details'] !== null
      ? { details: status['details'] }
      : {}),
  };
}

/** RFC 9110, 10.2.3: seconds, or a date. */
function retryAfterMs(header: string | undefined, clock: Clock): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d+$/.test(header.trim())) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - clock.now());
}
