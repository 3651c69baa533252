import { asArray, asString, type JsonObject, valueAt } from './json.ts';
import type { Resource } from './resources.ts';
import { type Cause, invalid } from './statuses.ts';

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;

/**
 * Checks what clients get wrong most often; the wording is the real server's.
 * @param shown the object as the request's group and version has it
 * @throws Refusal with HTTP status 422
 */
export function validate(resource: Resource, shown: JsonObject): void {
  const name = asString(valueAt(shown, 'metadata', 'name')) ?? '';
  const causes = [...nameCauses(resource, name)];
  if (resource.kind === 'Service') causes.push(...serviceCauses(shown));
  if (resource.kind === 'EndpointSlice') causes.push(...endpointSliceCauses(shown));
  if (resource.group === 'events.k8s.io' && typeof shown['eventTime'] !== 'string') {
    causes.push({ reason: 'FieldValueRequired', message: 'Required value', field: 'eventTime' });
  }
  // The real server names Events by their internal kind, which has no group.
  const group = resource.group === 'events.k8s.io' ? '' : resource.group;
  if (causes.length > 0) throw invalid(resource.kind, group, name, causes);
}

function* nameCauses(resource: Resource, name: string): Generator<Cause> {
  const field = 'metadata.name';
  if (name === '') {
    const message = 'Required value: name or generateName is required';
    yield { reason: 'FieldValueRequired', message, field };
  } else if (resource.kind === 'Service' || resource.kind === 'Namespace') {
    if (new RegExp(`^${LABEL}$`).test(name) && name.length <= 63) return;
    const why =
      "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end " +
      `with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '${LABEL}')`;
    yield { reason: 'FieldValueInvalid', message: `Invalid value: "${name}": ${why}`, field };
  } else if (!new RegExp(`^${SUBDOMAIN}$`).test(name) || name.length > 253) {
    const why =
      "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start " +
      `and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '${SUBDOMAIN}')`;
    yield { reason: 'FieldValueInvalid', message: `Invalid value: "${name}": ${why}`, field };
  }
}

function* serviceCauses(service: JsonObject): Generator<Cause> {
  const ports = asArray(valueAt(service, 'spec', 'ports')) ?? [];
  const headless = valueAt(service, 'spec', 'clusterIP') === 'None';
  if (ports.length === 0 && !headless && valueAt(service, 'spec', 'type') !== 'ExternalName') {
    yield { reason: 'FieldValueRequired', message: 'Required value', field: 'spec.ports' };
  }
  for (const [index, port] of ports.entries()) {
    const path = `spec.ports[${index}]`;
    yield* portCauses(valueAt(port, 'port'), `${path}.port`);
    yield* protocolCauses(valueAt(port, 'protocol'), `${path}.protocol`);
    const target = valueAt(port, 'targetPort');
    if (typeof target === 'number') yield* portCauses(target, `${path}.targetPort`);
    if (ports.length > 1 && (asString(valueAt(port, 'name')) ?? '') === '') {
      yield { reason: 'FieldValueRequired', message: 'Required value', field: `${path}.name` };
    }
  }
}

function* endpointSliceCauses(slice: JsonObject): Generator<Cause> {
  const type = slice['addressType'];
  if (type === undefined || type === '') {
    yield { reason: 'FieldValueRequired', message: 'Required value', field: 'addressType' };
  } else if (type !== 'IPv4' && type !== 'IPv6' && type !== 'FQDN') {
    const message = `Unsupported value: "${type}": supported values: "FQDN", "IPv4", "IPv6"`;
    yield { reason: 'FieldValueNotSupported', message, field: 'addressType' };
  }
  for (const [index, port] of (asArray(slice['ports']) ?? []).entries()) {
    yield* protocolCauses(valueAt(port, 'protocol'), `ports[${index}].protocol`);
  }
}

function* portCauses(port: unknown, field: string): Generator<Cause> {
  if (typeof port === 'number' && Number.isInteger(port) && port >= 1 && port <= 65535) return;
  const message = `Invalid value: ${JSON.stringify(port ?? 0)}: must be between 1 and 65535, inclusive`;
  yield { reason: 'FieldValueInvalid', message, field };
}

function* protocolCauses(protocol: unknown, field: string): Generator<Cause> {
  if (protocol === 'TCP' || protocol === 'UDP' || protocol === 'SCTP') return;
  const message = `Unsupported value: "${protocol}": supported values: "SCTP", "TCP", "UDP"`;
  yield { reason: 'FieldValueNotSupported', message, field };
}
