import { FAMILIES } from '../../rules/model.ts';
import { type ApiObject, nodes, type ServiceOptions, service } from './manifest.ts';
import { ADDRESSES } from './topology.ts';

/** The Services that the traffic tests send requests to, by name. pod-d is on the other node. */
export const SERVICES = {
  /** Reached in every way. */
  hostnames: {
    n: 10,
    endpoints: ['pod-a', 'pod-b', 'pod-c'],
    nodePort: 30010,
    external: true,
    balancer: true,
  },
  dns: { n: 11, endpoints: ['pod-a', 'pod-b', 'pod-c'], nodePort: 30011, protocol: 'UDP' },
  /** One endpoint here and one there, with the Cluster policy. */
  spread: { n: 12, endpoints: ['pod-a', 'pod-d'], nodePort: 30012 },
  'spread-local': {
    n: 13,
    endpoints: ['pod-a', 'pod-d'],
    nodePort: 30013,
    spec: { externalTrafficPolicy: 'Local' },
  },
  'elsewhere-local': {
    n: 14,
    endpoints: ['pod-d'],
    nodePort: 30014,
    spec: { externalTrafficPolicy: 'Local' },
  },
  'spread-internal': { n: 15, endpoints: ['pod-a', 'pod-d'], spec: { internalTrafficPolicy: 'Local' } },
  'elsewhere-internal': { n: 16, endpoints: ['pod-d'], spec: { internalTrafficPolicy: 'Local' } },
  selfish: { n: 17, endpoints: ['pod-a'] },
  empty: { n: 18, endpoints: [], nodePort: 30018, external: true },
  'empty-dns': { n: 19, endpoints: [], nodePort: 30019, protocol: 'UDP' },
  /** Its load balancer is for the first client outside only. */
  guarded: {
    n: 20,
    endpoints: ['pod-a', 'pod-b', 'pod-c'],
    nodePort: 30020,
    balancer: true,
    spec: {
      loadBalancerSourceRanges: FAMILIES.map(
        (family) => `${ADDRESSES[family].clients[0]}/${ADDRESSES[family].hostLength}`,
      ),
    },
  },
  sticky: {
    n: 21,
    endpoints: ['pod-a', 'pod-b', 'pod-c'],
    spec: { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 2 } } },
  },
  /** pod-a is about to go. */
  leaving: { n: 22, endpoints: [{ pod: 'pod-a', terminating: true }, 'pod-b'] },
  /** All are about to go, which is better than none. */
  'all-leaving': { n: 23, endpoints: [{ pod: 'pod-a', terminating: true }] },
} as const satisfies Record<string, ServiceOptions>;

export type ServiceName = keyof typeof SERVICES;

export function trafficCluster(): readonly ApiObject[] {
  return [...nodes(), ...Object.entries(SERVICES).flatMap(([name, options]) => service(name, options))];
}
