import fc from 'fast-check';
import type { Family } from '../../rules/model.ts';

/**
 * A Service with its endpoints, in few words. Everything is drawn from small pools, so that Services meet: one
 * external address, one node port, one Pod, one cluster IP for several of them.
 */
export interface ServiceDraft {
  readonly name: string;
  /** Seconds; several Services may be of the same age. */
  readonly created: number;
  readonly type: 'ClusterIP' | 'NodePort' | 'LoadBalancer';
  /** A cluster IP of its own, or another one. */
  readonly moved: boolean;
  readonly families: readonly Family[];
  readonly ports: readonly PortDraft[];
  readonly external: readonly number[];
  readonly loadBalancer: readonly number[];
  readonly ranges: readonly number[];
  readonly externalLocal: boolean;
  readonly internalLocal: boolean;
  readonly affinity: 0 | 60 | 10800;
  readonly endpoints: readonly EndpointDraft[];
}

export interface PortDraft {
  readonly name: '' | 'http' | 'https';
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
  readonly nodePort: 'none' | 'own' | 'contested';
}

export interface EndpointDraft {
  /** On this node, on another, or nowhere that is known. */
  readonly place: 'here' | 'there' | 'unknown';
  readonly host: number;
  readonly condition: 'ready' | 'unready' | 'terminating' | 'gone';
  readonly zone: '' | 'zone-a' | 'zone-b';
  readonly nodeHint: '' | 'node-a' | 'node-b';
  readonly slice: 0 | 1;
}

const NAMES = ['a', 'b', 'c', 'd'] as const;
const EXTERNAL = {
  // The last is another Service's cluster IP, the one before the node's own address.
  ipv4: ['198.51.100.1', '198.51.100.2', '172.18.0.2', '10.96.0.1'],
  ipv6: ['2001:db8:1::1', '2001:db8:1::2', 'fd00:172:18::2', 'fd00:10:96::1'],
} as const;
const LOAD_BALANCER = {
  // The last is an external address as well.
  ipv4: ['203.0.113.1', '203.0.113.2', '198.51.100.1'],
  ipv6: ['2001:db8:2::1', '2001:db8:2::2', '2001:db8:1::1'],
} as const;
const RANGES = {
  ipv4: ['192.0.2.0/24', ' 192.0.2.9/32', '10.244.0.0/16', '172.18.0.0/16', '0.0.0.0/0'],
  ipv6: ['2001:db8:9::/48', '2001:db8:9::9/128', 'fd00:10:244::/56', 'fd00:172:18::/64', '::/0'],
} as const;

const endpoint: fc.Arbitrary<EndpointDraft> = fc.record({
  place: fc.constantFrom('here', 'there', 'unknown'),
  host: fc.integer({ min: 1, max: 4 }),
  condition: fc.oneof(
    { weight: 8, arbitrary: fc.constant('ready' as const) },
    { weight: 3, arbitrary: fc.constantFrom('unready', 'terminating', 'gone') },
  ),
  zone: fc.constantFrom('', '', 'zone-a', 'zone-b'),
  nodeHint: fc.constantFrom('', '', 'node-a', 'node-b'),
  slice: fc.constantFrom(0, 1),
});

const port = (name: PortDraft['name']): fc.Arbitrary<PortDraft> =>
  fc.record({
    name: fc.constant(name),
    protocol: fc.oneof(
      { weight: 6, arbitrary: fc.constant('TCP' as const) },
      { weight: 1, arbitrary: fc.constantFrom('UDP', 'SCTP') },
    ),
    nodePort: fc.constantFrom('none', 'own', 'own', 'contested'),
  });

const ports: fc.Arbitrary<readonly PortDraft[]> = fc.oneof(
  { weight: 1, arbitrary: fc.tuple(port('')) },
  { weight: 4, arbitrary: fc.tuple(port('http')) },
  { weight: 4, arbitrary: fc.tuple(port('http'), port('https')) },
);

const service = (name: string): fc.Arbitrary<ServiceDraft> =>
  fc.record({
    name: fc.constant(name),
    created: fc.integer({ min: 0, max: 3 }),
    type: fc.constantFrom('ClusterIP', 'NodePort', 'LoadBalancer', 'LoadBalancer'),
    moved: fc.nat(7).map((n) => n === 7),
    families: fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom<Family[]>(['ipv4', 'ipv6'], ['ipv6', 'ipv4']) },
      { weight: 1, arbitrary: fc.constantFrom<Family[]>(['ipv4'], ['ipv6']) },
    ),
    ports,
    external: fc.subarray([0, 1, 2, 3], { maxLength: 2 }),
    loadBalancer: fc.subarray([0, 1, 2], { maxLength: 2 }),
    ranges: fc.oneof(fc.constant([]), fc.subarray([0, 1, 2, 3, 4], { maxLength: 3 })),
    externalLocal: fc.boolean(),
    internalLocal: fc.nat(3).map((n) => n === 3),
    affinity: fc.constantFrom(0, 0, 60, 10800),
    endpoints: fc.array(endpoint, { maxLength: 5, size: 'max' }),
  });

const FIELDS = [
  'created',
  'type',
  'moved',
  'families',
  'ports',
  'external',
  'loadBalancer',
  'ranges',
  'externalLocal',
  'internalLocal',
  'affinity',
  'endpoints',
] as const;

/** Services of one cluster, each at most once. */
export const cluster: fc.Arbitrary<readonly ServiceDraft[]> = fc
  .shuffledSubarray([...NAMES], { minLength: 2 })
  .chain((names) => fc.tuple(...names.map(service)));

/** A cluster, and what it is later: Services come and go, others change in some respects. */
export const twoClusters: fc.Arbitrary<readonly [readonly ServiceDraft[], readonly ServiceDraft[]]> = fc
  .record({ first: cluster, second: cluster, kept: fc.subarray([...FIELDS]) })
  .map(({ first, second, kept }) => [
    first,
    second.map((draft) => {
      const before = first.find(({ name }) => name === draft.name);
      return before
        ? { ...draft, ...Object.fromEntries(kept.map((field) => [field, before[field]])) }
        : draft;
    }),
  ]);

/** The Service and its EndpointSlices as the API server returns them. */
export function objectsOf(draft: ServiceDraft): { service: object; slices: readonly object[] } {
  const { families } = draft;
  const texts = (pool: Readonly<Record<Family, readonly string[]>>, chosen: readonly number[]) =>
    families.flatMap((family) => chosen.map((i) => pool[family][i] ?? ''));
  const clusterIPs = families.map((family) => clusterIP(draft, family));
  const service = {
    metadata: metadata(draft.name, { creationTimestamp: new Date(draft.created * 1000).toISOString() }),
    spec: {
      type: draft.type,
      clusterIP: clusterIPs[0],
      clusterIPs,
      ports: draft.ports.map((each) => ({
        name: each.name,
        protocol: each.protocol,
        port: portNumber(each),
        ...(draft.type !== 'ClusterIP' && { nodePort: nodePort(draft, each) }),
      })),
      externalIPs: texts(EXTERNAL, draft.external),
      externalTrafficPolicy: draft.externalLocal ? 'Local' : 'Cluster',
      internalTrafficPolicy: draft.internalLocal ? 'Local' : 'Cluster',
      sessionAffinity: draft.affinity === 0 ? 'None' : 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: draft.affinity || 10800 } },
      ...(draft.type === 'LoadBalancer' && {
        loadBalancerSourceRanges: texts(RANGES, draft.ranges),
        ...(draft.externalLocal && { healthCheckNodePort: 32000 + NAMES.indexOf(draft.name as 'a') }),
      }),
    },
    ...(draft.type === 'LoadBalancer' && {
      status: { loadBalancer: { ingress: texts(LOAD_BALANCER, draft.loadBalancer).map((ip) => ({ ip })) } },
    }),
  };
  const slices = families.flatMap((family) =>
    [0, 1].map((number) => ({
      metadata: metadata(`${draft.name}-${family}-${number}`, {
        labels: { 'kubernetes.io/service-name': draft.name },
      }),
      addressType: family === 'ipv6' ? 'IPv6' : 'IPv4',
      endpoints: draft.endpoints
        .filter(({ slice }) => slice === number)
        .map((each) => endpointOf(each, family)),
      ports: draft.ports.map((each) => ({
        name: each.name,
        protocol: each.protocol,
        port: 8000 + portNumber(each),
      })),
    })),
  );
  return { service, slices };
}

function metadata(name: string, more: object): object {
  return { namespace: 'default', name, ...more };
}

function clusterIP({ name, moved }: ServiceDraft, family: Family): string {
  const host = NAMES.indexOf(name as 'a') + 1 + (moved ? 100 : 0);
  return family === 'ipv6' ? `fd00:10:96::${host}` : `10.96.0.${host}`;
}

function portNumber({ name }: PortDraft): number {
  return name === 'https' ? 443 : 80;
}

function nodePort({ name }: ServiceDraft, each: PortDraft): number {
  if (each.nodePort === 'none') return 0;
  return each.nodePort === 'contested'
    ? 30999
    : 30000 + NAMES.indexOf(name as 'a') * 10 + (each.name === 'https' ? 1 : 0);
}

function endpointOf({ place, host, condition, zone, nodeHint }: EndpointDraft, family: Family): object {
  const net = place === 'here' ? 0 : 1;
  return {
    addresses: [family === 'ipv6' ? `fd00:10:244:${net}::${host}` : `10.244.${net}.${host}`],
    conditions: {
      ready: condition === 'ready',
      serving: condition === 'ready' || condition === 'terminating',
      terminating: condition === 'terminating' || condition === 'gone',
    },
    ...(place !== 'unknown' && { nodeName: place === 'here' ? 'node-a' : 'node-b' }),
    hints: {
      ...(zone !== '' && { forZones: [{ name: zone }] }),
      ...(nodeHint !== '' && { forNodes: [{ name: nodeHint }] }),
    },
  };
}
