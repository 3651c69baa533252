import type { V1EndpointSlice, V1Service, V1ServiceSpec } from '@kubernetes/client-node';
import { FAMILIES, type Family } from '../../rules/model.ts';
import type { ApiObject } from '../lab/manifest.ts';
import { ADDRESSES, addressIn, NODE_NAME, OTHER_NODE_NAME } from '../lab/topology.ts';

interface Port {
  readonly name: string;
  readonly port: number;
  readonly target: number;
  readonly protocol?: 'TCP' | 'UDP';
  readonly nodePort?: number;
}

/** One Service of the shop, with as many Pods on each node. */
export interface Shelf {
  /** `namespace/name`. */
  readonly key: string;
  readonly ports: readonly Port[];
  /** Pods on this node and on two others. */
  readonly pods: readonly [here: number, second: number, third: number];
  /** Of all Pods, the last ones. */
  readonly terminating?: number;
  readonly notReady?: number;
  readonly families?: readonly Family[];
  readonly balancer?: boolean;
  readonly external?: boolean;
  readonly spec?: V1ServiceSpec;
}

const HTTP: Port = { name: 'http', port: 80, target: 8080 };
const METRICS: Port = { name: 'metrics', port: 9100, target: 9100 };
const GRPC: Port = { name: 'grpc', port: 9000, target: 9000 };

const postgres = (name: string): Shelf => {
  return { key: name, ports: [{ name: 'sql', port: 5432, target: 5432 }], pods: [0, 1, 0] };
};

/** A shop's cluster, as one of its nodes sees it. */
export const SHOP: readonly Shelf[] = [
  {
    key: 'ingress/gateway',
    ports: [
      { ...HTTP, nodePort: 30080 },
      { name: 'https', port: 443, target: 8443, nodePort: 30443 },
    ],
    pods: [1, 1, 1],
    families: FAMILIES,
    balancer: true,
    spec: { externalTrafficPolicy: 'Local', healthCheckNodePort: 31000 },
  },
  {
    key: 'shop/storefront',
    ports: [{ ...HTTP, nodePort: 30081 }, METRICS],
    pods: [2, 2, 1],
    terminating: 1,
    families: FAMILIES,
    balancer: true,
    external: true,
    spec: { loadBalancerSourceRanges: ['172.18.0.0/16', '192.0.2.0/24'] },
  },
  { key: 'shop/cart', ports: [HTTP, GRPC], pods: [1, 2, 1], notReady: 1 },
  { key: 'shop/catalog', ports: [HTTP, GRPC], pods: [2, 2, 2] },
  { key: 'shop/recommendations', ports: [GRPC], pods: [1, 1, 0] },
  { key: 'shop/search', ports: [HTTP], pods: [3, 3, 3] },
  {
    key: 'shop/sessions',
    ports: [{ name: 'redis', port: 6379, target: 6379 }],
    pods: [1, 1, 1],
    spec: {
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 10800 } },
    },
  },
  { key: 'shop/image-resizer', ports: [HTTP], pods: [0, 0, 0] },
  { key: 'payments/checkout', ports: [GRPC], pods: [1, 1, 0] },
  { key: 'payments/ledger', ports: [GRPC], pods: [1, 0, 1] },
  {
    key: 'payments/webhooks',
    ports: [{ ...HTTP, nodePort: 30090 }],
    pods: [0, 1, 1],
    spec: { externalTrafficPolicy: 'Local' },
  },
  postgres('payments/postgres'),
  postgres('shop/postgres'),
  { key: 'kube-system/kube-dns', ports: dns(), pods: [1, 1, 0], families: FAMILIES },
  {
    key: 'kube-system/metrics-server',
    ports: [{ name: 'https', port: 443, target: 10250 }],
    pods: [0, 1, 0],
  },
  { key: 'default/kubernetes', ports: [{ name: 'https', port: 443, target: 6443 }], pods: [0, 1, 0] },
  {
    key: 'logging/collector',
    ports: [{ name: 'otlp', port: 4317, target: 4317 }, METRICS],
    pods: [1, 1, 1],
    spec: { internalTrafficPolicy: 'Local' },
  },
  { key: 'logging/loki', ports: [HTTP], pods: [1, 0, 1] },
  { key: 'monitoring/alertmanager', ports: [{ name: 'web', port: 9093, target: 9093 }], pods: [1, 1, 1] },
  { key: 'monitoring/grafana', ports: [HTTP], pods: [0, 1, 0], external: true },
  {
    key: 'monitoring/node-exporter',
    ports: [METRICS],
    pods: [1, 1, 1],
    spec: { internalTrafficPolicy: 'Local' },
  },
  { key: 'monitoring/prometheus', ports: [{ name: 'web', port: 9090, target: 9090 }], pods: [1, 1, 0] },
];

function dns(): readonly Port[] {
  return [
    { name: 'dns', port: 53, target: 53, protocol: 'UDP' },
    { name: 'dns-tcp', port: 53, target: 53 },
    { name: 'metrics', port: 9153, target: 9153 },
  ];
}

export function shopObjects(): readonly ApiObject[] {
  return SHOP.flatMap((shelf) => [serviceOf(shelf), ...slicesOf(shelf)]);
}

/** The Service of this name, which is among SHOP. */
export function shelf(key: string): Shelf {
  const found = SHOP.find((each) => each.key === key);
  if (!found) throw new Error(`the shop has no ${key}`);
  return found;
}

export function serviceOf(own: Shelf): V1Service {
  const { key, ports, families = ['ipv4'], balancer = false, external = false, spec } = own;
  const [namespace = '', name = ''] = key.split('/');
  const n = 10 + SHOP.findIndex((each) => each.key === key);
  const clusterIPs = families.map((family) => addressIn(ADDRESSES[family].serviceCIDR, n));
  const isNodePort = ports.some(({ nodePort }) => nodePort !== undefined);
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace, name },
    spec: {
      type: balancer ? 'LoadBalancer' : isNodePort ? 'NodePort' : 'ClusterIP',
      clusterIP: clusterIPs[0] ?? '',
      clusterIPs,
      ipFamilies: families.map((family) => (family === 'ipv4' ? 'IPv4' : 'IPv6')),
      ipFamilyPolicy: families.length > 1 ? 'RequireDualStack' : 'SingleStack',
      ports: ports.map(({ target, protocol = 'TCP', ...port }) => ({
        ...port,
        protocol,
        targetPort: target,
      })),
      ...(external && {
        externalIPs: families.map((family) => addressIn(ADDRESSES[family].externalCIDR, n)),
      }),
      ...spec,
    },
    status: {
      loadBalancer: balancer
        ? {
            ingress: families.map((family) => ({
              ip: addressIn(ADDRESSES[family].balancerCIDR, n),
              ipMode: 'VIP',
            })),
          }
        : {},
    },
  };
}

export function slicesOf(own: Shelf): readonly V1EndpointSlice[] {
  const { key, ports, families = ['ipv4'] } = own;
  const [namespace = '', name = ''] = key.split('/');
  return families.map((family) => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { namespace, name: `${name}-${family}`, labels: { 'kubernetes.io/service-name': name } },
    addressType: family === 'ipv4' ? 'IPv4' : 'IPv6',
    ports: ports.map((port) => ({ name: port.name, port: port.target, protocol: port.protocol ?? 'TCP' })),
    endpoints: endpointsOf(own, family),
  }));
}

const THIRD_NODE_CIDR: Readonly<Record<Family, string>> = {
  ipv4: '10.244.2.0/24',
  ipv6: 'fd00:10:244:2::/64',
};

function endpointsOf({ key, pods, terminating = 0, notReady = 0 }: Shelf, family: Family) {
  const { podCIDR, otherPodCIDR } = ADDRESSES[family];
  const first = 10 + 4 * SHOP.findIndex((each) => each.key === key);
  const places = [
    { nodeName: NODE_NAME, cidr: podCIDR },
    { nodeName: OTHER_NODE_NAME, cidr: otherPodCIDR },
    { nodeName: 'node-3', cidr: THIRD_NODE_CIDR[family] },
  ];
  const all = places.flatMap(({ nodeName, cidr }, i) =>
    Array.from({ length: pods[i] ?? 0 }, (_, k) => ({ nodeName, addresses: [addressIn(cidr, first + k)] })),
  );
  return all.map((endpoint, i) => {
    const left = all.length - i;
    const isTerminating = left <= terminating;
    const ready = left > terminating + notReady;
    return {
      ...endpoint,
      conditions: { ready, serving: ready || isTerminating, terminating: isTerminating },
    };
  });
}
