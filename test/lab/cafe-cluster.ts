import type { V1EndpointSlice, V1Service, V1ServiceSpec } from '@kubernetes/client-node';
import { FAMILIES, type Family } from '../../rules/model.ts';
import { type ApiObject, balancerIP, clusterIP, endpointSlices, nodes } from './manifest.ts';
import { ADDRESSES, addressIn, NODE_NAME, OTHER_NODE_NAME } from './topology.ts';

/** A Pod of the cafe: its node, and the last part of its addresses. */
interface Place {
  readonly node: typeof NODE_NAME | typeof OTHER_NODE_NAME;
  readonly host: number;
}

/** All Pods that there can be. Those on the other node share its namespace. */
export const CAFE_PODS = {
  'tea-1': { node: NODE_NAME, host: 21 },
  'tea-2': { node: NODE_NAME, host: 22 },
  'tea-3': { node: OTHER_NODE_NAME, host: 23 },
  'tea-4': { node: NODE_NAME, host: 24 },
  'coffee-1': { node: NODE_NAME, host: 31 },
  'coffee-2': { node: OTHER_NODE_NAME, host: 32 },
  'ingress-1': { node: NODE_NAME, host: 41 },
  'ingress-2': { node: NODE_NAME, host: 42 },
} as const satisfies Record<string, Place>;

export type CafePod = keyof typeof CAFE_PODS;

/** An endpoint that is ready, or one that is about to go. */
export type CafeEndpoint = CafePod | { readonly leaving: CafePod };

/** Services with endpoints, by name: who is behind them at first. */
export const CAFE_SERVICES = {
  'tea-svc': ['tea-1', 'tea-2', 'tea-3'],
  'coffee-svc': ['coffee-1', 'coffee-2'],
  /** The ingress controller, by a port of every node. */
  'ingress-node-port': ['ingress-1'],
  /** The ingress controller, by an address of its own. */
  'ingress-balancer': ['ingress-1'],
  'tea-headless': ['tea-1', 'tea-2', 'tea-3'],
} as const satisfies Record<string, readonly CafePod[]>;

export type CafeService = keyof typeof CAFE_SERVICES;

export const TEA_PORT = 8080;
export const TLS_PORT = 443;
export const INGRESS_NODE_PORT = 30443;

const NUMBERS: Readonly<Record<CafeService, number>> = {
  'tea-svc': 50,
  'coffee-svc': 51,
  'ingress-node-port': 52,
  'ingress-balancer': 53,
  'tea-headless': 0,
};
const BALANCED = 53;

export function cafePodAddress(family: Family, pod: CafePod): string {
  const { node, host } = CAFE_PODS[pod];
  const { podCIDR, otherPodCIDR } = ADDRESSES[family];
  return addressIn(node === NODE_NAME ? podCIDR : otherPodCIDR, host);
}

export function cafeClusterIP(family: Family, service: 'tea-svc' | 'coffee-svc'): string {
  return clusterIP(family, NUMBERS[service]);
}

export function ingressBalancerIP(family: Family): string {
  return balancerIP(family, BALANCED);
}

/** The cluster as it is at first, without the Services that program nothing. */
export function cafeCluster(): readonly ApiObject[] {
  const names = Object.keys(CAFE_SERVICES) as CafeService[];
  return [
    ...nodes(),
    ...names.flatMap((name) =>
      name === 'tea-headless' ? [] : [cafeService(name), ...cafeSlices(name, CAFE_SERVICES[name])],
    ),
  ];
}

/** A headless Service with endpoints, and one that is only a name of something elsewhere. */
export function idleServices(): readonly ApiObject[] {
  return [
    cafeService('tea-headless'),
    ...cafeSlices('tea-headless', CAFE_SERVICES['tea-headless']),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'beans', namespace: 'default' },
      spec: { type: 'ExternalName', externalName: 'beans.example.net' },
      status: { loadBalancer: {} },
    },
  ];
}

export function cafeService(name: CafeService, policy: 'Cluster' | 'Local' = 'Cluster'): V1Service {
  const isHeadless = name === 'tea-headless';
  const clusterIPs = isHeadless ? ['None'] : FAMILIES.map((family) => clusterIP(family, NUMBERS[name]));
  const isBalancer = name === 'ingress-balancer';
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default' },
    spec: {
      clusterIP: clusterIPs[0] ?? '',
      clusterIPs,
      ipFamilies: ['IPv4', 'IPv6'],
      ipFamilyPolicy: 'RequireDualStack',
      ...(name.startsWith('ingress-') ? ingressSpec(isBalancer, policy) : teaSpec()),
    },
    status: isBalancer
      ? {
          loadBalancer: {
            ingress: FAMILIES.map((family) => ({ ip: ingressBalancerIP(family), ipMode: 'VIP' })),
          },
        }
      : { loadBalancer: {} },
  };
}

/** The EndpointSlices of a Service, one for each family. */
export function cafeSlices(
  name: CafeService,
  endpoints: readonly CafeEndpoint[],
): readonly V1EndpointSlice[] {
  const isIngress = name.startsWith('ingress-');
  const port = isIngress ? { name: 'https', port: TLS_PORT } : { name: 'http', port: TEA_PORT };
  return endpointSlices(name, { ...port, protocol: 'TCP' }, (family) =>
    endpoints.map((entry) => endpoint(family, entry)),
  );
}

function teaSpec(): V1ServiceSpec {
  return { type: 'ClusterIP', ports: [{ name: 'http', port: 80, targetPort: TEA_PORT, protocol: 'TCP' }] };
}

function ingressSpec(isBalancer: boolean, policy: 'Cluster' | 'Local'): V1ServiceSpec {
  const port = { name: 'https', port: TLS_PORT, targetPort: TLS_PORT, protocol: 'TCP' };
  return {
    type: isBalancer ? 'LoadBalancer' : 'NodePort',
    externalTrafficPolicy: policy,
    ports: [{ ...port, nodePort: isBalancer ? INGRESS_NODE_PORT + 1 : INGRESS_NODE_PORT }],
    ...(isBalancer && policy === 'Local' ? { healthCheckNodePort: 32_443 } : {}),
  };
}

function endpoint(family: Family, entry: CafeEndpoint) {
  const isLeaving = typeof entry !== 'string';
  const pod = isLeaving ? entry.leaving : entry;
  return {
    addresses: [cafePodAddress(family, pod)],
    conditions: { ready: !isLeaving, serving: true, terminating: isLeaving },
    nodeName: CAFE_PODS[pod].node,
    targetRef: { kind: 'Pod', namespace: 'default', name: pod },
  };
}
