/** A manifest with this many Services, each with one endpoint. */
export function manyServices(count: number): string {
  const items: unknown[] = [];
  for (let i = 0; i < count; i++) {
    items.push(
      service(`s${i}`, { clusterIP: `10.100.${i >> 8}.${i & 255}` }),
      slice(`s${i}`, [`10.244.${i >> 8}.${i & 255}`]),
    );
  }
  return manifest(items);
}

/** A List in JSON. */
export function manifest(items: readonly unknown[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
}

/** A Service with the port http, 80. */
export function service(name: string, spec: object, more: object = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec: { ports: [{ name: 'http', port: 80 }], ...spec },
    ...more,
  };
}

/** An EndpointSlice of the Service, with the port http, 8080. */
export function slice(name: string, addresses: readonly string[]): object {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${name}-1`, labels: { 'kubernetes.io/service-name': name } },
    addressType: addresses[0]?.includes(':') ? 'IPv6' : 'IPv4',
    endpoints: addresses.map((address) => ({ addresses: [address] })),
    ports: [{ name: 'http', port: 8080 }],
  };
}

/** A Node with these InternalIPs. */
export function node(name: string, addresses: readonly string[]): object {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name },
    status: { addresses: addresses.map((address) => ({ type: 'InternalIP', address })) },
  };
}
