/** API objects as the API server returns them, with what is given. */

export interface ServiceGiven {
  readonly namespace?: string;
  /** Seconds since the epoch. */
  readonly created?: number;
  /** Laid over the spec of a ClusterIP Service with one unnamed TCP port 80. */
  readonly spec?: Readonly<Record<string, unknown>>;
  /** status.loadBalancer.ingress */
  readonly ingress?: readonly string[];
}

export function service(name: string, clusterIP: string, given: ServiceGiven = {}): object {
  const { namespace = 'default', created = 0, spec, ingress } = given;
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace, name, creationTimestamp: new Date(created * 1000).toISOString() },
    spec: {
      type: 'ClusterIP',
      clusterIP,
      clusterIPs: [clusterIP],
      ports: [{ protocol: 'TCP', port: 80 }],
      ...spec,
    },
    ...(ingress && { status: { loadBalancer: { ingress: ingress.map((ip) => ({ ip, ipMode: 'VIP' })) } } }),
  };
}

export interface SliceGiven {
  readonly namespace?: string;
  /** @default the Service's name with `-1` */
  readonly name?: string;
  readonly ports?: readonly { readonly name?: string; readonly protocol?: string; readonly port?: number }[];
  readonly addressType?: 'IPv4' | 'IPv6' | 'FQDN';
  readonly labels?: Readonly<Record<string, string>>;
}

/** An endpoint by its address (ready, on node-b), or as it is in the EndpointSlice. */
export type EndpointGiven = string | Readonly<Record<string, unknown>>;

export function slice(service: string, endpoints: readonly EndpointGiven[], given: SliceGiven = {}): object {
  const { namespace = 'default', name = `${service}-1`, ports = [{ protocol: 'TCP', port: 8080 }] } = given;
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { namespace, name, labels: { 'kubernetes.io/service-name': service, ...given.labels } },
    addressType: given.addressType ?? 'IPv4',
    ports: ports.map((port) => ({ name: '', ...port })),
    endpoints: endpoints.map((endpoint) => (typeof endpoint === 'string' ? endpointAt(endpoint) : endpoint)),
  };
}

export function endpointAt(address: string, given: Readonly<Record<string, unknown>> = {}): EndpointGiven {
  return {
    addresses: [address],
    conditions: { ready: true, serving: true, terminating: false },
    nodeName: 'node-b',
    ...given,
  };
}

export function node(
  name: string,
  given: { readonly zone?: string; readonly addresses?: readonly string[] } = {},
): object {
  const { zone, addresses = ['172.18.0.2'] } = given;
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: zone === undefined ? {} : { 'topology.kubernetes.io/zone': zone } },
    spec: {},
    status: { addresses: addresses.map((address) => ({ type: 'InternalIP', address })) },
  };
}
