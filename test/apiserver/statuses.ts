import type { JsonObject } from './json.ts';
import { groupResourceOf, type Resource } from './resources.ts';

/** A refusal: becomes an HTTP response, or an ERROR event of a watch, with a Status object as the real server has it. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: number;
  readonly status: JsonObject;
  /** Seconds for the header Retry-After. */
  readonly retryAfter: number | undefined;

  constructor(code: number, reason: string, message: string, rest: RefusalDetails = {}) {
    super(message);
    this.code = code;
    this.retryAfter = rest.retryAfter;
    this.status = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: rest.continueToken === undefined ? {} : { continue: rest.continueToken },
      status: 'Failure',
      message,
      ...(reason === '' ? {} : { reason }),
      ...(rest.details === undefined ? {} : { details: rest.details }),
      code,
    };
  }
}

export interface RefusalDetails {
  readonly details?: JsonObject;
  readonly retryAfter?: number;
  readonly continueToken?: string;
}

/** A field that does not hold what it must. */
export interface Cause {
  readonly reason:
    | 'FieldValueInvalid'
    | 'FieldValueRequired'
    | 'FieldValueForbidden'
    | 'FieldValueNotSupported';
  readonly message: string;
  readonly field: string;
}

export function badRequest(message: string): Refusal {
  return new Refusal(400, 'BadRequest', message);
}

export function unauthorized(): Refusal {
  return new Refusal(401, 'Unauthorized', 'Unauthorized');
}

export function forbidden(
  user: string,
  verb: string,
  resource: Resource,
  namespace: string,
  name: string,
): Refusal {
  const object = name === '' ? '' : ` "${name}"`;
  const scope = namespace === '' ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  const what = `User "${user}" cannot ${verb} resource "${resource.plural}" in API group "${resource.group}" ${scope}`;
  const message = `${groupResourceOf(resource)}${object} is forbidden: ${what}`;
  return new Refusal(403, 'Forbidden', message, { details: detailsOf(resource, name) });
}

/** No such path, group, version or resource. */
export function noSuchResource(): Refusal {
  return new Refusal(404, 'NotFound', 'the server could not find the requested resource', { details: {} });
}

export function notFound(resource: Resource, name: string): Refusal {
  return new Refusal(404, 'NotFound', `${groupResourceOf(resource)} "${name}" not found`, {
    details: detailsOf(resource, name),
  });
}

export function methodNotAllowed(): Refusal {
  return new Refusal(
    405,
    'MethodNotAllowed',
    'the server does not allow this method on the requested resource',
    {
      details: {},
    },
  );
}

export function alreadyExists(resource: Resource, name: string): Refusal {
  return new Refusal(409, 'AlreadyExists', `${groupResourceOf(resource)} "${name}" already exists`, {
    details: detailsOf(resource, name),
  });
}

/** Somebody else has changed the object since the client read it. */
export function conflict(resource: Resource, name: string, why: string): Refusal {
  const message = `Operation cannot be fulfilled on ${groupResourceOf(resource)} "${name}": ${why}`;
  return new Refusal(409, 'Conflict', message, { details: detailsOf(resource, name) });
}

/** A `continue` token whose revision is compacted; `token` continues at the present one, inconsistently. */
export function continueExpired(token: string): Refusal {
  return new Refusal(
    410,
    'Expired',
    'The provided continue parameter is too old to display a consistent list result. You can start a new list ' +
      'without the continue parameter, or use the continue token in this response to retrieve the remainder of ' +
      'the results. Continuing with the provided token results in an inconsistent list - objects that were ' +
      'created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
    { continueToken: token },
  );
}

export function listExpired(): Refusal {
  return new Refusal(410, 'Expired', 'The resourceVersion for the provided list is too old.');
}

export function watchExpired(requested: number, oldest: number): Refusal {
  return new Refusal(410, 'Expired', `too old resource version: ${requested} (${oldest})`);
}

export function unsupportedMediaType(given: string, supported: readonly string[]): Refusal {
  return new Refusal(
    415,
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${supported.join(', ')}`,
    { details: { causes: [{ message: `got ${given}` }] } },
  );
}

/** @param kind with its group, as messages spell it: `Service`, `EndpointSlice.discovery.k8s.io` */
export function invalid(kind: string, group: string, name: string, causes: readonly Cause[]): Refusal {
  const parts = causes.map((cause) => `${cause.field}: ${cause.message}`);
  const list = parts.length === 1 ? parts.join() : `[${parts.join(', ')}]`;
  const details: JsonObject = { name, kind, causes };
  return new Refusal(
    422,
    'Invalid',
    `${group === '' ? kind : `${kind}.${group}`} "${name}" is invalid: ${list}`,
    {
      details: group === '' ? details : { name, group, kind, causes },
    },
  );
}

/** What options of a list or watch do not go together. */
export function invalidListOptions(field: string, message: string): Refusal {
  return invalid('ListOptions', 'meta.k8s.io', '', [
    { reason: 'FieldValueForbidden', message: `Forbidden: ${message}`, field },
  ]);
}

export function tooLargeResourceVersion(requested: number, current: number): Refusal {
  return new Refusal(
    504,
    'Timeout',
    `Timeout: Too large resource version: ${requested}, current: ${current}`,
    {
      details: {
        causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
        retryAfterSeconds: 1,
      },
      retryAfter: 1,
    },
  );
}

export function internalError(message: string): Refusal {
  return new Refusal(500, 'InternalError', `Internal error occurred: ${message}`, {
    details: { causes: [{ message }] },
  });
}

export function serviceUnavailable(): Refusal {
  return new Refusal(503, 'ServiceUnavailable', 'the server is currently unable to handle the request', {
    details: { retryAfterSeconds: 1 },
    retryAfter: 1,
  });
}

/** What a deletion answers with for kinds that do not answer with the object. */
export function deleted(resource: Resource, name: string, uid: string): JsonObject {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: { ...detailsOf(resource, name), uid },
  };
}

function detailsOf(resource: Resource, name: string): JsonObject {
  return {
    ...(name === '' ? {} : { name }),
    ...(resource.group === '' ? {} : { group: resource.group }),
    kind: resource.plural,
  };
}
