import { RESOURCES, type Resource } from './resources.ts';

/** What a request asks for, as authorisation in Kubernetes names it. */
export interface ResourceRequest {
  readonly verb: Verb;
  readonly resource: Resource;
  /** Empty: cluster-wide. */
  readonly namespace: string;
  /** Empty: all. */
  readonly name: string;
  /** `status` or empty. */
  readonly subresource: string;
}

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

/** `undefined`: no such resource; `'method'`: there is one, but it does not do this. */
export function route(method: string, url: URL): ResourceRequest | 'method' | undefined {
  const parts = url.pathname.split('/').filter((part) => part !== '');
  const [root] = parts;
  const group = root === 'api' ? '' : root === 'apis' ? parts[1] : undefined;
  if (group === undefined) return undefined;
  const rest = parts.slice(root === 'api' ? 1 : 2).map(decodeURIComponent);
  const version = rest.shift();
  // The old spelling of a watch: /api/v1/watch/services.
  const watchPath = rest[0] === 'watch';
  if (watchPath) rest.shift();
  let namespace = '';
  if (rest[0] === 'namespaces' && rest.length > 2 && rest[2] !== 'status' && rest[2] !== 'finalize') {
    namespace = rest[1] ?? '';
    rest.splice(0, 2);
  }
  const [plural, name = '', subresource = '', ...more] = rest;
  const resource = RESOURCES.find(
    (candidate) => candidate.group === group && candidate.version === version && candidate.plural === plural,
  );
  if (resource === undefined || more.length > 0) return undefined;
  if (namespace !== '' && !resource.namespaced) return undefined;
  if (name !== '' && namespace === '' && resource.namespaced && !watchPath) return undefined;
  if (!['', 'status', 'finalize'].includes(subresource)) return undefined;
  const watch = watchPath || ['true', '1'].includes(url.searchParams.get('watch') ?? '');
  const verb = verbOf(method, name !== '', watch);
  return verb === undefined ? 'method' : { verb, resource, namespace, name, subresource };
}

function verbOf(method: string, named: boolean, watch: boolean): Verb | undefined {
  switch (method) {
    case 'GET':
    case 'HEAD':
      if (watch) return 'watch';
      return named ? 'get' : 'list';
    case 'POST':
      return named ? undefined : 'create';
    case 'PUT':
      return named ? 'update' : undefined;
    case 'PATCH':
      return named ? 'patch' : undefined;
    case 'DELETE':
      return named ? 'delete' : 'deletecollection';
    default:
      return undefined;
  }
}
