import type { Address, ServicePort, ServicePortKey } from '../../rules/model.ts';
import type { BenchEndpoint } from './signs.ts';

export const NODE_NAME = 'node-1';
export const NODE_IP = '172.18.0.2';
export const CLUSTER_CIDR = '10.128.0.0/9';
/** What the endpoint slice controller puts into one slice at most. */
export const SLICE_ENDPOINTS = 100;

const NAMESPACES = 100;
const TARGET_PORT = 8080;
const PORT_NAME = 'http';
const NODES = 50;

export const NODE = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: NODE_NAME },
  spec: { podCIDR: '10.128.0.0/24', podCIDRs: ['10.128.0.0/24'] },
  status: { addresses: [{ type: 'InternalIP', address: NODE_IP }] },
};

/** The i-th Service. */
export function service(i: number): object {
  const address = clusterIP(i);
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: serviceName(i), namespace: namespace(i) },
    spec: {
      type: 'ClusterIP',
      clusterIP: address,
      clusterIPs: [address],
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      selector: { app: serviceName(i) },
      ports: [{ name: PORT_NAME, protocol: 'TCP', port: 80, targetPort: TARGET_PORT }],
    },
  };
}

/** The EndpointSlices of the i-th Service. */
export function slices(i: number, addresses: readonly Address[]): readonly object[] {
  const count = Math.max(1, Math.ceil(addresses.length / SLICE_ENDPOINTS));
  return Array.from({ length: count }, (_, k) => slice(i, k, addresses));
}

/** The k-th EndpointSlice of the i-th Service. */
export function slice(i: number, k: number, addresses: readonly Address[]): object {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: sliceName(i, k),
      namespace: namespace(i),
      labels: {
        'kubernetes.io/service-name': serviceName(i),
        'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
      },
    },
    addressType: 'IPv4',
    ports: [{ name: PORT_NAME, protocol: 'TCP', port: TARGET_PORT }],
    endpoints: sliceEndpoints(k, addresses),
  };
}

/** What the k-th slice has of the endpoints. */
export function sliceEndpoints(k: number, addresses: readonly Address[]): readonly object[] {
  return addresses.slice(k * SLICE_ENDPOINTS, (k + 1) * SLICE_ENDPOINTS).map((address, i) => ({
    addresses: [address],
    conditions: { ready: true, serving: true, terminating: false },
    nodeName: `node-${2 + (i % NODES)}`,
    targetRef: { kind: 'Pod', name: `pod-${address.replaceAll('.', '-')}` },
  }));
}

/** What the i-th Service is to rules, but for its endpoints. */
export function servicePort(i: number): ServicePort {
  const name = `${namespace(i)}/${serviceName(i)}:${PORT_NAME}`;
  return {
    key: `${name}/tcp` as ServicePortKey,
    name,
    namespace: namespace(i),
    service: serviceName(i),
    portName: PORT_NAME,
    family: 'ipv4',
    protocol: 'tcp',
    created: 0,
    port: 80,
    nodePort: 0,
    healthCheckNodePort: 0,
    clusterIP: clusterIP(i),
    externalIPs: [],
    loadBalancerIPs: [],
    sourceRanges: [],
    externalPolicyLocal: false,
    internalPolicyLocal: false,
    affinitySeconds: 0,
    endpoints: [],
  };
}

export function endpoint(address: Address): BenchEndpoint {
  return { address, port: TARGET_PORT };
}

export function servicePath(i: number): string {
  return `${servicesPath(i)}/${serviceName(i)}`;
}

export function servicesPath(i: number): string {
  return `/api/v1/namespaces/${namespace(i)}/services`;
}

export function slicePath(i: number, k: number): string {
  return `${slicesPath(i)}/${sliceName(i, k)}`;
}

export function slicesPath(i: number): string {
  return `/apis/discovery.k8s.io/v1/namespaces/${namespace(i)}/endpointslices`;
}

function clusterIP(i: number): Address {
  return `10.${96 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}` as Address;
}

function serviceName(i: number): string {
  return `service-${i}`;
}

function sliceName(i: number, k: number): string {
  return `service-${i}-x7k2p${k === 0 ? '' : k}`;
}

function namespace(i: number): string {
  return `team-${i % NAMESPACES}`;
}
