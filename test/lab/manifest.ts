import type { V1EndpointSlice, V1Node, V1Service, V1ServiceSpec } from '@kubernetes/client-node';
import { dump } from 'js-yaml';
import { FAMILIES, type Family } from '../../rules/model.ts';
import {
  ADDRESSES,
  addressIn,
  LOCAL_PODS,
  NODE_NAME,
  OTHER_NODE_NAME,
  POD_PORT,
  type PodName,
} from './topology.ts';

export type ApiObject = V1Node | V1Service | V1EndpointSlice;

export interface Backing {
  readonly pod: PodName;
  /** Leaves running connections alone but gets no new ones. */
  readonly terminating?: boolean;
}

export interface ServiceOptions {
  /** The n-th cluster IP of both families. */
  readonly n: number;
  readonly endpoints: readonly (PodName | Backing)[];
  /** @default 'TCP' */
  readonly protocol?: 'TCP' | 'UDP';
  readonly nodePort?: number;
  /** Has external IPs: the n-th of both families. */
  readonly external?: boolean;
  /** Has load balancer addresses: the n-th of both families. */
  readonly balancer?: boolean;
  /** Whatever else the Service's spec has. */
  readonly spec?: V1ServiceSpec;
}

/** The port of every Service of the lab; Pods listen on another. */
export const SERVICE_PORT = 80;

export function nodes(): readonly V1Node[] {
  return [node(NODE_NAME, 'node', 'podCIDR'), node(OTHER_NODE_NAME, 'otherNode', 'otherPodCIDR')];
}

/** A dual-stack Service with one EndpointSlice for each family. */
export function service(name: string, options: ServiceOptions): readonly ApiObject[] {
  return [serviceObject(name, options), ...slices(name, options.endpoints, options.protocol)];
}

/** The EndpointSlices of a Service, one for each family. */
export function slices(
  name: string,
  endpoints: ServiceOptions['endpoints'],
  protocol: 'TCP' | 'UDP' = 'TCP',
): readonly V1EndpointSlice[] {
  return endpointSlices(name, { name: '', port: POD_PORT, protocol }, (family) =>
    endpoints.map((entry) => endpoint(family, typeof entry === 'string' ? { pod: entry } : entry)),
  );
}

/** The EndpointSlices of a Service with this one port, for whatever endpoints. */
export function endpointSlices(
  name: string,
  port: { readonly name: string; readonly port: number; readonly protocol: 'TCP' | 'UDP' },
  endpoints: (family: Family) => NonNullable<V1EndpointSlice['endpoints']>,
): readonly V1EndpointSlice[] {
  return FAMILIES.map((family) => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${name}-${family}`,
      namespace: 'default',
      labels: { 'kubernetes.io/service-name': name },
    },
    addressType: family === 'ipv4' ? 'IPv4' : 'IPv6',
    ports: [port],
    endpoints: endpoints(family),
  }));
}

/** What `fairlead --from` reads. */
export function manifest(objects: readonly ApiObject[]): string {
  return dump({ apiVersion: 'v1', kind: 'List', items: objects }, { noRefs: true });
}

export function clusterIP(family: Family, n: number): string {
  return addressIn(ADDRESSES[family].serviceCIDR, n);
}

export function externalIP(family: Family, n: number): string {
  return addressIn(ADDRESSES[family].externalCIDR, n);
}

export function balancerIP(family: Family, n: number): string {
  return addressIn(ADDRESSES[family].balancerCIDR, n);
}

function serviceObject(name: string, options: ServiceOptions): V1Service {
  const { n, nodePort, protocol = 'TCP' } = options;
  const type = options.balancer ? 'LoadBalancer' : nodePort ? 'NodePort' : 'ClusterIP';
  const clusterIPs = FAMILIES.map((family) => clusterIP(family, n));
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default' },
    spec: {
      type,
      clusterIP: clusterIPs[0] ?? '',
      clusterIPs,
      ipFamilies: ['IPv4', 'IPv6'],
      ipFamilyPolicy: 'RequireDualStack',
      ports: [{ port: SERVICE_PORT, targetPort: POD_PORT, protocol, ...(nodePort ? { nodePort } : {}) }],
      ...(options.external ? { externalIPs: FAMILIES.map((family) => externalIP(family, n)) } : {}),
      ...options.spec,
    },
    status: options.balancer
      ? {
          loadBalancer: { ingress: FAMILIES.map((family) => ({ ip: balancerIP(family, n), ipMode: 'VIP' })) },
        }
      : { loadBalancer: {} },
  };
}

function endpoint(family: Family, { pod, terminating = false }: Backing) {
  return {
    addresses: [ADDRESSES[family].pods[pod]],
    conditions: { ready: !terminating, serving: true, terminating },
    nodeName: LOCAL_PODS.includes(pod) ? NODE_NAME : OTHER_NODE_NAME,
    targetRef: { kind: 'Pod', namespace: 'default', name: pod },
  };
}

function node(name: string, address: 'node' | 'otherNode', podCIDR: 'podCIDR' | 'otherPodCIDR'): V1Node {
  const podCIDRs = FAMILIES.map((family) => ADDRESSES[family][podCIDR]);
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'kubernetes.io/hostname': name } },
    spec: { podCIDR: podCIDRs[0] ?? '', podCIDRs },
    status: {
      addresses: FAMILIES.map((family) => ({ type: 'InternalIP', address: ADDRESSES[family][address] })),
    },
  };
}
