import type { JsonObject } from './json.ts';

/** A Service as tests need many of; the number decides name and cluster IP. */
export function service(number: number, fields: JsonObject = {}): JsonObject {
  const address = `10.${96 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`;
  const { labels, namespace = 'demo', ...spec } = fields;
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: `web-${String(number).padStart(5, '0')}`,
      namespace,
      ...(labels === undefined ? {} : { labels }),
    },
    spec: {
      clusterIP: address,
      clusterIPs: [address],
      ports: [{ name: 'http', protocol: 'TCP', port: 80, targetPort: 8080 }],
      ...spec,
    },
  };
}

/** The EndpointSlice of the Service with this number. */
export function endpointSlice(number: number, addresses: readonly string[]): JsonObject {
  const name = `web-${String(number).padStart(5, '0')}`;
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${name}-abc`, namespace: 'demo', labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    ports: [{ name: 'http', protocol: 'TCP', port: 8080 }],
  };
}
