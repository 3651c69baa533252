import { cidrContains, hostCidr } from '../address.ts';
import type { Fragment, KernelObject } from '../fragment.ts';
import type { Address, Endpoint, NodeFacts, ProxySettings, ServicePort } from '../model.ts';
import { endpointText } from '../model.ts';
import type { EndpointChoice } from '../topology.ts';
import {
  chooseEndpoints,
  isExternallyAccessible,
  usesClusterEndpoints,
  usesLocalEndpoints,
} from '../topology.ts';
import { markText } from './base.ts';
import { intervalSet } from './intervals.ts';
import { localMatch } from './local-traffic.ts';
import { endpointNames, servicePortChains } from './names.ts';
import { chainObject, elementObject, setObject } from './objects.ts';

/**
 * All that one ServicePort contributes to its family's table: its chains, and its elements of the shared sets and
 * maps. Every line is spelled as `nft -s list table` prints it.
 */
export function compileServicePort(
  servicePort: ServicePort,
  node: NodeFacts,
  settings: ProxySettings,
): Fragment {
  const choice = chooseEndpoints(servicePort, node);
  const verdicts = verdictsFor(servicePort, choice);
  return [
    ...captured(servicePort, choice, verdicts),
    ...externalChain(servicePort, settings, choice, verdicts),
    ...firewallChain(servicePort, node),
    ...policyChains(servicePort, choice),
    ...hairpins(servicePort, choice),
  ];
}

interface Verdicts {
  /** Where traffic inside the cluster, and from outside, is led to; undefined where there is nothing to lead to. */
  readonly internal: string | undefined;
  readonly external: string | undefined;
  /** What becomes of traffic that finds no endpoint; undefined where it finds one. */
  readonly internalRefusal: string | undefined;
  readonly externalRefusal: string | undefined;
}

function verdictsFor(servicePort: ServicePort, { any, local }: EndpointChoice): Verdicts {
  const chains = servicePortChains(servicePort);
  const { internalPolicyLocal, externalPolicyLocal } = servicePort;
  const hasInternal = any && (!internalPolicyLocal || local.length > 0);
  const hasExternal = any && (!externalPolicyLocal || local.length > 0);
  const refusal = any ? 'drop' : 'goto reject-chain';
  return {
    internal: hasInternal ? `goto ${internalPolicyLocal ? chains.local : chains.cluster}` : undefined,
    // What starts on this node may use every endpoint: the chain is there even where nobody else gets through.
    external: any ? `goto ${chains.external}` : undefined,
    internalRefusal: hasInternal ? undefined : refusal,
    externalRefusal: hasExternal ? undefined : refusal,
  };
}

/** NFTNL_UDATA_COMMENT_MAXLEN: nft refuses longer ones, and the longest names are. */
const MAX_COMMENT_LENGTH = 128;

function captured(servicePort: ServicePort, _choice: EndpointChoice, verdicts: Verdicts): KernelObject[] {
  const { name, protocol, port, nodePort, clusterIP, externalIPs, loadBalancerIPs } = servicePort;
  const objects: KernelObject[] = [];
  const element = (map: string, key: string, verdict: string | undefined, why = ''): void => {
    if (verdict !== undefined) objects.push(elementObject(map, key, `${why}: ${verdict}`));
  };
  const why = `comment "${name.slice(0, MAX_COMMENT_LENGTH)}" `;
  const capture = (address: Address, verdict: string | undefined, refusal: string | undefined): void => {
    const key = `${address} . ${protocol} . ${port}`;
    element('service-ips', key, verdict);
    element('no-endpoint-services', key, refusal, why);
  };
  const external = new Set([...externalIPs, ...loadBalancerIPs]);
  if (clusterIP !== undefined) {
    objects.push(elementObject('cluster-ips', clusterIP));
    // A key has one verdict: an address that is both is an external one, as kube-proxy has it.
    const { internalRefusal, externalRefusal } = verdicts;
    if (!external.has(clusterIP)) capture(clusterIP, verdicts.internal, internalRefusal);
    else capture(clusterIP, verdicts.external, externalRefusal ?? internalRefusal);
  }
  for (const address of external) {
    if (address !== clusterIP) capture(address, verdicts.external, verdicts.externalRefusal);
  }
  if (servicePort.sourceRanges.length > 0) {
    const { firewall } = servicePortChains(servicePort);
    for (const address of loadBalancerIPs) {
      element('firewall-ips', `${address} . ${protocol} . ${port}`, `goto ${firewall}`);
    }
  }
  if (nodePort !== 0) {
    const key = `${protocol} . ${nodePort}`;
    element('service-nodeports', key, verdicts.external);
    element('no-endpoint-nodeports', key, verdicts.externalRefusal, why);
  }
  return objects;
}

function externalChain(
  servicePort: ServicePort,
  settings: ProxySettings,
  { any }: EndpointChoice,
  { externalRefusal }: Verdicts,
): KernelObject[] {
  if (!any || !isExternallyAccessible(servicePort)) return [];
  const { cluster, local, external } = servicePortChains(servicePort);
  const mark = `meta mark set meta mark | ${markText(settings)}`;
  const rules: string[] = [];
  if (servicePort.externalPolicyLocal) {
    const fromPods = localMatch(settings);
    if (fromPods !== undefined) rules.push(`${fromPods} goto ${cluster} comment "short-circuit pod traffic"`);
    rules.push(
      `fib saddr type local ${mark} comment "masquerade local traffic"`,
      `fib saddr type local goto ${cluster} comment "short-circuit local traffic"`,
    );
  } else {
    rules.push(`${mark} comment "masquerade"`);
  }
  if (externalRefusal === undefined) rules.push(`goto ${servicePort.externalPolicyLocal ? local : cluster}`);
  return [chainObject(external, rules)];
}

function firewallChain(servicePort: ServicePort, node: NodeFacts): KernelObject[] {
  const { sourceRanges, loadBalancerIPs, family } = servicePort;
  if (sourceRanges.length === 0 || loadBalancerIPs.length === 0) return [];
  // A node that is allowed talks to the load balancer's address from that very address, where it has it.
  const nodeToo = sourceRanges.some((range) => cidrContains(range, node.nodeIP));
  const sources = intervalSet([...sourceRanges, ...(nodeToo ? loadBalancerIPs.map(hostCidr) : [])]);
  const ip = family === 'ipv6' ? 'ip6' : 'ip';
  return [chainObject(servicePortChains(servicePort).firewall, [`${ip} saddr != ${sources} drop`])];
}

function policyChains(servicePort: ServicePort, choice: EndpointChoice): KernelObject[] {
  const { cluster, local } = servicePortChains(servicePort);
  const objects: KernelObject[] = [];
  if (usesClusterEndpoints(servicePort) && choice.cluster.length > 0) {
    objects.push(chainObject(cluster, balanceRules(servicePort, choice.cluster)));
  }
  if (usesLocalEndpoints(servicePort) && choice.local.length > 0) {
    objects.push(chainObject(local, balanceRules(servicePort, choice.local)));
  }
  if (servicePort.affinitySeconds > 0) {
    for (const endpoint of choice.reachable) objects.push(...affinityObjects(servicePort, endpoint));
  }
  return objects;
}

function balanceRules(servicePort: ServicePort, endpoints: readonly Endpoint[]): string[] {
  const { protocol, family, affinitySeconds } = servicePort;
  const ip = family === 'ipv6' ? 'ip6' : 'ip';
  if (affinitySeconds === 0) {
    const map = endpoints.map(({ address, port }, i) => `${i} : ${address} . ${port}`).join(', ');
    return [`meta l4proto ${protocol} dnat ${ip} to numgen random mod ${endpoints.length} map { ${map} }`];
  }
  const names = endpoints.map((endpoint) => endpointNames(servicePort, endpoint));
  const map = names.map(({ chain }, i) => `${i} : goto ${chain}`).join(', ');
  return [
    ...names.map(({ affinity, chain }) => `${ip} saddr @${affinity} goto ${chain}`),
    `numgen random mod ${endpoints.length} vmap { ${map} }`,
  ];
}

function affinityObjects(servicePort: ServicePort, endpoint: Endpoint): KernelObject[] {
  const { family, protocol, affinitySeconds } = servicePort;
  const { chain, affinity } = endpointNames(servicePort, endpoint);
  const ip = family === 'ipv6' ? 'ip6' : 'ip';
  return [
    setObject('set', affinity, [
      `type ${family === 'ipv6' ? 'ipv6_addr' : 'ipv4_addr'}`,
      'size 65535',
      'flags dynamic,timeout',
      `timeout ${durationText(affinitySeconds)}`,
    ]),
    chainObject(chain, [
      `update @${affinity} { ${ip} saddr }`,
      `meta l4proto ${protocol} dnat to ${endpointText(endpoint)}`,
    ]),
  ];
}

/** As nft prints times: 1d2h3m4s, without what is zero. */
export function durationText(seconds: number): string {
  const parts = [
    [Math.floor(seconds / 86400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ] as const;
  return parts.map(([value, unit]) => (value > 0 ? `${value}${unit}` : '')).join('');
}

/** A Pod that reaches itself through its Service needs an address to answer to that is not its own. */
function hairpins({ protocol }: ServicePort, { reachable }: EndpointChoice): KernelObject[] {
  return reachable
    .filter((endpoint) => endpoint.local)
    .map(({ address, port }) =>
      elementObject('hairpin-connections', `${address} . ${address} . ${protocol} . ${port}`),
    );
}
