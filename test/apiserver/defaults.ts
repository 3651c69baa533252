import { asArray, asObject, asString, type JsonObject, valueAt } from './json.ts';

/** Gives out what the real server allocates for Services: cluster IPs and node ports. Nothing is given out twice. */
export class Allocator {
  private readonly used = new Set<string>();
  private nextAddress = 0;
  private nextPort = 0;

  /** Takes note of what an object uses. */
  claim(service: JsonObject): void {
    for (const address of asArray(valueAt(service, 'spec', 'clusterIPs')) ?? [])
      this.used.add(String(address));
    this.used.add(String(valueAt(service, 'spec', 'clusterIP')));
    this.used.add(`port ${valueAt(service, 'spec', 'healthCheckNodePort')}`);
    for (const port of asArray(valueAt(service, 'spec', 'ports')) ?? []) {
      this.used.add(`port ${valueAt(port, 'nodePort')}`);
    }
  }

  /** A free address of 10.100.0.0/14 or fd00:10:96::/112. */
  clusterIP(family: string): string {
    for (;;) {
      const number = ++this.nextAddress;
      const low = number & 0xff;
      const address =
        family === 'IPv6'
          ? `fd00:10:96::${(0x8000 + (number & 0x7fff)).toString(16)}`
          : `10.${100 + ((number >> 16) & 3)}.${(number >> 8) & 0xff}.${low}`;
      if (low !== 0 && low !== 0xff && !this.used.has(address)) return address;
    }
  }

  /** A free port of 30000–32767. */
  nodePort(): number {
    for (;;) {
      const port = 32767 - (this.nextPort++ % 2768);
      if (!this.used.has(`port ${port}`) || this.nextPort > 2768) return port;
    }
  }
}

/**
 * Fills in what the real server fills in, and leaves alone what has another shape than it should.
 * @param previous the object as it was, whose allocations stay
 */
export function withDefaults(
  kind: string,
  object: JsonObject,
  previous: JsonObject | undefined,
  allocator: Allocator,
): JsonObject {
  switch (kind) {
    case 'Service': {
      const service = serviceDefaults(object, previous, allocator);
      allocator.claim(service);
      return service;
    }
    case 'EndpointSlice':
      return endpointSliceDefaults(object);
    case 'Endpoints':
      return endpointsDefaults(object);
    case 'Namespace':
      return namespaceDefaults(object);
    case 'Event':
      return {
        ...object,
        deprecatedSource: object['deprecatedSource'] ?? {},
        deprecatedFirstTimestamp: object['deprecatedFirstTimestamp'] ?? null,
        deprecatedLastTimestamp: object['deprecatedLastTimestamp'] ?? null,
      };
    default:
      return object;
  }
}

function serviceDefaults(
  object: JsonObject,
  previous: JsonObject | undefined,
  allocator: Allocator,
): JsonObject {
  const given = asObject(object['spec']) ?? {};
  const type = asString(given['type']) ?? 'ClusterIP';
  const exposed = type === 'NodePort' || type === 'LoadBalancer';
  const spec: JsonObject = { ...given };
  const ports = asArray(given['ports']);
  if (ports !== undefined) spec['ports'] = servicePorts(ports, previous, exposed, allocator);
  if (type !== 'ExternalName') Object.assign(spec, clusterIPs(given, previous, allocator));
  spec['type'] = type;
  spec['sessionAffinity'] ??= 'None';
  if (spec['sessionAffinity'] === 'ClientIP') {
    spec['sessionAffinityConfig'] ??= { clientIP: { timeoutSeconds: 10800 } };
  }
  if (exposed || asArray(given['externalIPs']) !== undefined) spec['externalTrafficPolicy'] ??= 'Cluster';
  if (type !== 'ExternalName') spec['internalTrafficPolicy'] ??= 'Cluster';
  if (type === 'LoadBalancer') {
    spec['allocateLoadBalancerNodePorts'] ??= true;
    if (spec['externalTrafficPolicy'] === 'Local') {
      spec['healthCheckNodePort'] ??=
        valueAt(previous, 'spec', 'healthCheckNodePort') ?? allocator.nodePort();
    }
  }
  if (spec['sessionAffinity'] === 'None') delete spec['sessionAffinityConfig'];
  dropWhatTheTypeHasNot(spec, previous);
  return { ...object, spec, status: object['status'] ?? previous?.['status'] ?? { loadBalancer: {} } };
}

/** What the old type of a Service had and the new one cannot have goes, unless it was changed in the same write. */
function dropWhatTheTypeHasNot(spec: JsonObject, previous: JsonObject | undefined): void {
  const balanced = spec['type'] === 'LoadBalancer';
  const external = balanced || spec['type'] === 'NodePort' || asArray(spec['externalIPs']) !== undefined;
  const allowed: Readonly<Record<string, boolean>> = {
    externalTrafficPolicy: external,
    allocateLoadBalancerNodePorts: balanced,
    healthCheckNodePort: balanced && spec['externalTrafficPolicy'] === 'Local',
  };
  for (const [field, may] of Object.entries(allowed)) {
    if (!may && spec[field] === valueAt(previous, 'spec', field)) delete spec[field];
  }
}

function clusterIPs(given: JsonObject, previous: JsonObject | undefined, allocator: Allocator): JsonObject {
  const kept = asObject(previous?.['spec']) ?? {};
  const policy = given['ipFamilyPolicy'] ?? kept['ipFamilyPolicy'] ?? 'SingleStack';
  const first = given['clusterIP'] ?? asArray(given['clusterIPs'])?.[0] ?? kept['clusterIP'];
  const wanted =
    asArray(given['ipFamilies']) ?? (first === undefined ? undefined : asArray(kept['ipFamilies']));
  const firstFamily = typeof first === 'string' && first.includes(':') ? 'IPv6' : 'IPv4';
  const second = firstFamily === 'IPv4' ? 'IPv6' : 'IPv4';
  const ipFamilies = wanted ?? (policy === 'SingleStack' ? [firstFamily] : [firstFamily, second]);
  const all =
    asArray(given['clusterIPs']) ??
    (first === undefined
      ? ipFamilies.map((family) => allocator.clusterIP(String(family)))
      : first === kept['clusterIP']
        ? (asArray(kept['clusterIPs']) ?? [first])
        : [first]);
  return {
    clusterIP: first ?? all[0],
    clusterIPs: all,
    ipFamilies,
    ipFamilyPolicy: policy,
  };
}

function servicePorts(
  ports: readonly unknown[],
  previous: JsonObject | undefined,
  exposed: boolean,
  allocator: Allocator,
): unknown[] {
  const before = asArray(valueAt(previous, 'spec', 'ports')) ?? [];
  return ports.map((entry) => {
    const port = asObject(entry);
    if (port === undefined) return entry;
    const filled: JsonObject = { ...port };
    filled['protocol'] ??= 'TCP';
    filled['targetPort'] ??= port['port'];
    const same = before.find(
      (old) => valueAt(old, 'port') === port['port'] && valueAt(old, 'name') === port['name'],
    );
    const kept = valueAt(same, 'nodePort');
    if (exposed) filled['nodePort'] ??= kept ?? allocator.nodePort();
    else if (filled['nodePort'] === kept) delete filled['nodePort'];
    return filled;
  });
}

function endpointSliceDefaults(object: JsonObject): JsonObject {
  const filled: JsonObject = { ...object };
  const endpoints = asArray(object['endpoints']);
  const ports = asArray(object['ports']);
  if (endpoints !== undefined)
    filled['endpoints'] = endpoints.map((entry) => filledIn(entry, { conditions: {} }));
  if (ports !== undefined)
    filled['ports'] = ports.map((entry) => filledIn(entry, { name: '', protocol: 'TCP' }));
  return filled;
}

function endpointsDefaults(object: JsonObject): JsonObject {
  const subsets = asArray(object['subsets']);
  if (subsets === undefined) return object;
  return {
    ...object,
    subsets: subsets.map((subset) => {
      const ports = asArray(valueAt(subset, 'ports'));
      return ports === undefined
        ? subset
        : { ...asObject(subset), ports: ports.map((entry) => filledIn(entry, { protocol: 'TCP' })) };
    }),
  };
}

function namespaceDefaults(object: JsonObject): JsonObject {
  const metadata = asObject(object['metadata']) ?? {};
  const labels = { 'kubernetes.io/metadata.name': metadata['name'], ...asObject(metadata['labels']) };
  return {
    ...object,
    metadata: { ...metadata, labels },
    spec: object['spec'] ?? { finalizers: ['kubernetes'] },
    status: object['status'] ?? { phase: 'Active' },
  };
}

function filledIn(entry: unknown, defaults: JsonObject): unknown {
  const fields = asObject(entry);
  if (fields === undefined) return entry;
  const missing = Object.entries(defaults).filter(([field]) => fields[field] === undefined);
  return missing.length === 0 ? entry : { ...fields, ...Object.fromEntries(missing) };
}
