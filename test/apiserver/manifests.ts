import { loadAll } from 'js-yaml';
import { asArray, asObject, asString, type JsonObject } from './json.ts';
import { apiVersionOf, RESOURCES, type Resource } from './resources.ts';

/**
 * The objects in YAML or JSON text: several documents, Lists and nested Lists.
 * @throws YAMLException where the text does not parse
 */
export function objectsIn(text: string): JsonObject[] {
  return documentsIn(text).flatMap(flatten);
}

/** The resource of an object; undefined for kinds that the server does not have. */
export function resourceOf(object: JsonObject): Resource | undefined {
  return RESOURCES.find(
    (resource) => resource.kind === object['kind'] && apiVersionOf(resource) === object['apiVersion'],
  );
}

/**
 * The resource that people mean by a kind or a plural, such as `Service`, `services`, `endpointslices`.
 * @throws Error for what the server does not have
 */
export function resourceNamed(name: string): Resource {
  const found = RESOURCES.find((resource) => resource.kind === name || resource.plural === name);
  if (found === undefined) {
    const known = RESOURCES.map((resource) => resource.kind).join(', ');
    throw new Error(`kind must be one of ${known}: current value is "${name}"`);
  }
  return found;
}

function documentsIn(text: string): unknown[] {
  if (text.trimStart().startsWith('{')) {
    try {
      // Twenty times as fast as the YAML parser, which matters for the clusters of the benchmarks.
      return [JSON.parse(text)];
    } catch {
      // Several JSON documents, or YAML in flow style.
    }
  }
  return loadAll(text);
}

function flatten(document: unknown): JsonObject[] {
  const object = asObject(document);
  if (object === undefined) return [];
  const items = asArray(object['items']);
  if (items === undefined || asString(object['kind'])?.endsWith('List') !== true) return [object];
  const kind = asString(object['kind'])?.slice(0, -'List'.length);
  // Items of a ServiceList, unlike those of a List, say neither kind nor apiVersion.
  const inherited = kind === '' ? {} : { apiVersion: object['apiVersion'], kind };
  return items.flatMap((item) => flatten({ ...inherited, ...asObject(item) }));
}
