import { ClusterError } from '../../../cluster/errors.ts';
import { clusterResources, type Resource } from '../../../cluster/resources.ts';
import { listing } from '../../../config/kinds.ts';
import { nearest } from '../../../config/usage.ts';
import { asObject, asString } from '../../../tracker/fields.ts';
import type { NodeObject } from '../../../tracker/node.ts';
import { type Check, failed, NotKnown, ok, type Result, warning } from '../check.ts';
import { type Facts, UNREADABLE } from '../facts.ts';
import { targetText } from '../target.ts';
import { summed } from '../words.ts';

/** The API server, what it allows, and the Node. */
export const CLUSTER_CHECKS: readonly Check[] = [
  {
    id: 'api-reachable',
    title: 'API server',
    about: 'cluster',
    run: async (facts) => {
      try {
        const api = await facts.api();
        const { status, message, body } = await api.get('/version');
        return reachable(api.host, status, asString(body['gitVersion']) ?? message);
      } catch (error) {
        if (error instanceof ClusterError) return unreachable(error);
        throw error;
      }
    },
  },
  {
    id: 'api-permitted',
    title: 'permissions',
    about: 'cluster',
    run: async (facts) => permitted(await permissions(facts)),
  },
  {
    id: 'node-found',
    title: 'Node',
    about: 'cluster',
    run: async (facts) => {
      const { node, nodeNames } = await facts.cluster();
      const names = node ? [] : await otherNodes(facts, nodeNames);
      return nodeFound(facts.settings.nodeName, node, names);
    },
  },
  {
    id: 'objects-readable',
    title: 'objects',
    about: 'cluster',
    run: async (facts) => {
      const { target } = facts.question;
      const { problems } = await facts.cluster();
      return readable(
        problems.map(({ object, message }) => ({ object, message })),
        target && targetText(target),
      );
    },
  },
];

export function reachable(host: string, status: number, said: string): Result {
  if (status === 200) return ok(`${said || 'a server'} at ${host}`);
  if (status === 401) {
    return failed(
      `${host} does not accept these credentials (401)`,
      'renew them, or name others by --kubeconfig: kubectl --kubeconfig=FILE auth whoami',
    );
  }
  // Whoever may not ask for the version reaches the server all the same.
  if (status === 403 || status === 404) return ok(`${host} answers`);
  return failed(`${host} answers ${status}${said && `: ${said}`}`, `kubectl get --raw='/readyz?verbose'`);
}

export function unreachable({ code, message }: Pick<ClusterError, 'code' | 'message'>): Result {
  if (code === 'config') {
    return failed(
      message,
      '--kubeconfig=FILE names a kubeconfig; --from FILE reads objects from files instead',
    );
  }
  return failed(
    message,
    'look at the address in the kubeconfig (or --master), the route to it, and the API server',
  );
}

/** What one question to the API server was answered with. */
export interface Permission {
  readonly verb: 'list' | 'watch';
  readonly plural: string;
  readonly group: string;
  readonly optional: boolean;
  readonly status: number;
}

export function permitted(permissions: readonly Permission[]): Result {
  const refused = permissions.filter(
    ({ status, optional }) => !optional && (status === 401 || status === 403),
  );
  const broken = permissions.filter(({ status, optional }) => !optional && status !== 200 && !refused.length);
  if (refused.length > 0) {
    return failed(
      `not allowed: ${listing(refused.map(permissionText), 'and')}`,
      'bind the ClusterRole system:node-proxier to the user or service account of these credentials',
    );
  }
  if (broken.length > 0) {
    const what = broken.map((each) => `${permissionText(each)} (${each.status})`);
    return failed(`the API server fails to ${listing(what, 'and')}`, `kubectl get --raw='/readyz?verbose'`);
  }
  const kinds = [...new Set(permissions.map(({ plural }) => plural))];
  return ok(`list and watch ${listing(kinds, 'and')}`);
}

function permissionText({ verb, plural, group }: Permission): string {
  return `${verb} ${plural}${group === '' ? '' : `.${group}`}`;
}

async function permissions(facts: Facts): Promise<readonly Permission[]> {
  const unknown = (error: unknown): never => {
    throw error instanceof ClusterError ? new NotKnown(UNREADABLE) : error;
  };
  const api = await facts.api().catch(unknown);
  const { nodeName, mode } = facts.settings;
  const ask = async (verb: 'list' | 'watch', resource: Resource): Promise<Permission> => {
    const { path, plural, group, optional, selection } = resource;
    const status = await (verb === 'list'
      ? api.get(path, { ...selection, limit: '1' }).then((answer) => answer.status)
      : api.watchStatus(path, selection)
    ).catch(unknown);
    return { verb, plural, group, optional, status };
  };
  const resources = clusterResources(nodeName, mode === 'nftables');
  return await Promise.all(resources.flatMap((each) => [ask('list', each), ask('watch', each)]));
}

/** @param names of other Nodes, as far as they are known */
export function nodeFound(name: string, node: NodeObject | undefined, names: readonly string[]): Result {
  if (node === undefined) {
    const meant = nearest(name, names);
    const hint = meant ?? (names.length > 0 ? `one of ${summed(names, 5)}` : 'NAME');
    return failed(
      `there is no Node ${name}: no endpoint counts as local, and node ports take the wrong addresses`,
      `--hostname-override=${hint} names the Node as the kubelet registered it: kubectl get nodes`,
    );
  }
  if (node.nodeIPs.length === 0) {
    return failed(
      `Node ${name} has no address yet`,
      `the kubelet or the cloud controller sets it: kubectl get node ${name} -o jsonpath='{.status.addresses}'`,
    );
  }
  const zone = node.zone === '' ? '' : `, zone ${node.zone}`;
  const pods = node.podCIDRs.length === 0 ? '' : `, Pods in ${node.podCIDRs.join(' and ')}`;
  const found = `${name}, ${node.nodeIPs.join(' and ')}${pods}${zone}`;
  if (node.deleting) return warning(`${found}: it is being deleted`, `kubectl get node ${name} -o yaml`);
  return ok(found);
}

async function otherNodes(facts: Facts, known: ReadonlySet<string>): Promise<readonly string[]> {
  if (known.size > 0 || facts.settings.from.length > 0) return [...known];
  const answer = await facts
    .api()
    .then((api) => api.get('/api/v1/nodes'))
    .catch(() => undefined);
  return (answer?.items ?? [])
    .map((item) => asString(asObject(item['metadata'])?.['name']))
    .filter((name) => name !== undefined);
}

/** @param target `namespace/name` of the Service that was asked about */
export function readable(
  problems: readonly { readonly object: string; readonly message: string }[],
  target: string | undefined,
): Result {
  const own = target === undefined ? problems : problems.filter(({ object }) => concerns(object, target));
  const [first] = own;
  if (first === undefined)
    return ok(target === undefined ? 'nothing had to be left out' : 'nothing of it is left out');
  const more = own.length > 1 ? ` (and ${own.length - 1} more)` : '';
  return (target === undefined ? warning : failed)(
    `${first.message}${more}`,
    `correct the object; fairlead --dry-run --from FILE names all that cannot be used`,
  );
}

/** The Service itself, or an EndpointSlice, whose name begins with the Service's. */
function concerns(object: string, target: string): boolean {
  return object === target || object.startsWith(`${target}-`);
}
