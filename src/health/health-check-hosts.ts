import type { Family } from '../../rules/model.ts';
import type { NodePortScope } from '../../rules/node-ports.ts';

/**
 * Where health-check node ports listen, given which addresses answer node ports in each family that is programmed.
 * @returns hosts as HttpListener takes them, sorted: the empty one alone for all addresses of the node
 */
export function healthCheckHosts(
  scopes: Readonly<Partial<Record<Family, NodePortScope>>>,
): readonly string[] {
  const { ipv4, ipv6 } = scopes;
  if ([ipv4, ipv6].every((scope) => scope === undefined || scope.kind === 'all')) return [''];
  return [...hostsOf(ipv4, '0.0.0.0'), ...hostsOf(ipv6, '::')].sort();
}

function hostsOf(scope: NodePortScope | undefined, unspecified: string): readonly string[] {
  if (scope === undefined) return [];
  return scope.kind === 'all' ? [unspecified] : scope.addresses;
}
