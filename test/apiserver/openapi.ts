import type { JsonObject } from './json.ts';
import { apiVersionOf, RESOURCES } from './resources.ts';

/**
 * As much of the OpenAPI v3 documents as kubectl reads before it writes: that the server itself checks fields
 * (`fieldValidation`), so that kubectl does not. Undefined for paths that are none of these documents.
 */
export function openapi(path: string): JsonObject | undefined {
  const versions = new Map(RESOURCES.map((resource) => [documentPath(resource.group), resource]));
  if (path === '/openapi/v3') {
    const entries = [...versions.keys()].map((root) => [root, { serverRelativeURL: `/openapi/v3/${root}` }]);
    return { paths: Object.fromEntries(entries) };
  }
  const first = versions.get(path.replace(/^\/openapi\/v3\//, ''));
  if (!path.startsWith('/openapi/v3/') || first === undefined) return undefined;
  const paths: JsonObject = {};
  for (const resource of RESOURCES) {
    if (apiVersionOf(resource) !== apiVersionOf(first)) continue;
    const scope = resource.namespaced ? 'namespaces/{namespace}/' : '';
    paths[`/${documentPath(resource.group)}/${scope}${resource.plural}/{name}`] = {
      patch: {
        parameters: [
          { name: 'fieldValidation', in: 'query', schema: { type: 'string' } },
          { name: 'dryRun', in: 'query', schema: { type: 'string' } },
        ],
        responses: {},
        'x-kubernetes-action': 'patch',
        'x-kubernetes-group-version-kind': {
          group: resource.group,
          kind: resource.kind,
          version: resource.version,
        },
      },
    };
  }
  return { openapi: '3.0.0', info: { title: 'Kubernetes', version: 'v1.36.2' }, paths };
}

function documentPath(group: string): string {
  return group === '' ? 'api/v1' : `apis/${group}/v1`;
}
