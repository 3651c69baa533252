import { parseAddress } from '../../../../rules/address.ts';
import { listing } from '../../../config/kinds.ts';
import { nearest } from '../../../config/usage.ts';
import { failed, NotKnown, ok, type Result, warning } from '../check.ts';
import type { PortView, ServiceView } from '../cluster/views.ts';
import { type Target, targetText } from '../target.ts';
import { summed } from '../words.ts';

/** @param names `namespace/name` of all Services, as far as they are known */
export function exists(target: Target, view: ServiceView | undefined, names: Iterable<string>): Result {
  if (view) return ok(`${targetText(target)}, type ${typeText(view)}`);
  const all = [...names].map((text) => text.split('/') as [string, string]);
  const elsewhere = all.filter(([, name]) => name === target.name).map(([namespace]) => namespace);
  const beside = all.filter(([namespace]) => namespace === target.namespace).map(([, name]) => name);
  const meant = nearest(target.name, beside);
  const missing = `there is no Service ${target.name} in namespace ${target.namespace}`;
  if (meant !== undefined) {
    return failed(
      `${missing}, but one is called ${meant}`,
      `fairlead doctor svc/${target.namespace}/${meant}`,
    );
  }
  const [other] = elsewhere;
  if (other !== undefined) {
    const where = `namespace ${summed(elsewhere)}`;
    return failed(
      `${missing}, but there is one in ${where}`,
      `fairlead doctor svc/${other}/${target.name}; from other namespaces its name is ${target.name}.${other}`,
    );
  }
  const hint =
    beside.length === 0 ? 'that namespace has no Service' : `that namespace has ${summed(beside, 5)}`;
  return failed(`${missing}; ${hint}`, `kubectl get services -n ${target.namespace}`);
}

export function typeText(view: ServiceView): string {
  return view.headless ? 'headless' : view.type;
}

/** What a proxy programs for it, in words. */
export function typeExplained(view: ServiceView): Result {
  const { namespace, name, type, externalName, clusterIPs, proxyName, ingress } = view;
  if (type === 'ExternalName') {
    const target = externalName ?? '';
    const advice = `kubectl patch service -n ${namespace} ${name} -p '{"spec":{"externalName":"HOST.NAME"}}'`;
    if (target === '') return failed('ExternalName without a name', advice);
    if (parseAddress(target) !== undefined) {
      const what = `externalName is the address ${target}, which DNS takes for a host name`;
      return failed(what, 'use a Service without selector and an EndpointSlice with that address instead');
    }
    return ok(
      `ExternalName: DNS answers with the name ${target}; there is nothing to program, ports do not count`,
    );
  }
  if (proxyName !== undefined) {
    return warning(
      `label service.kubernetes.io/service-proxy-name gives it to ${proxyName}: nobody else programs it`,
      `if that is not meant: kubectl label service -n ${namespace} ${name} service.kubernetes.io/service-proxy-name-`,
    );
  }
  if (view.headless) {
    return ok(
      "headless: DNS answers with the Pods' own addresses; there is nothing to program, ports do not count",
    );
  }
  if (clusterIPs.length === 0) {
    return failed('it has no cluster IP', `kubectl get service -n ${namespace} ${name} -o yaml`);
  }
  const what = `${type} at ${clusterIPs.join(' and ')}, ${listing(view.ports.map(portText), 'and') || 'no ports'}`;
  if (type === 'LoadBalancer' && ingress.length === 0) {
    return warning(
      `${what}; its load balancer has no address yet`,
      `the cloud controller gives it one: kubectl describe service -n ${namespace} ${name}`,
    );
  }
  return ok(type === 'LoadBalancer' ? `${what}, load balancer ${ingress.join(' and ')}` : what);
}

function portText({ name, protocol, port, targetPort, nodePort }: PortView): string {
  const node = nodePort === 0 ? '' : `, node port ${nodePort}`;
  return `${name === '' ? '' : `${name} `}${port}/${protocol} to ${targetPort}${node}`;
}

/** @throws NotKnown for a Service that has no rules, or no endpoints, by its nature */
export function requireProgrammed(view: ServiceView): void {
  if (view.type === 'ExternalName') throw new NotKnown('an ExternalName is only a name in DNS');
  if (view.headless) throw new NotKnown('headless Services have no rules');
  if (view.proxyName !== undefined) throw new NotKnown(`it belongs to the proxy ${view.proxyName}`);
}
