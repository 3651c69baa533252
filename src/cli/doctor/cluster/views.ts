import {
  asInteger,
  asList,
  asObject,
  asString,
  given,
  type Json,
  labelsOf,
  objects,
} from '../../../tracker/fields.ts';

/**
 * What checks want of objects beyond what rules need. Read leniently: what is malformed is reported where the tracker
 * reads the same objects.
 */
export interface ServiceView {
  readonly namespace: string;
  readonly name: string;
  readonly type: string;
  readonly externalName: string | undefined;
  readonly clusterIPs: readonly string[];
  readonly headless: boolean;
  /** The proxy that it names for itself by label. */
  readonly proxyName: string | undefined;
  /** Empty: none. */
  readonly selector: Readonly<Record<string, string>>;
  readonly ports: readonly PortView[];
  readonly externalPolicyLocal: boolean;
  readonly internalPolicyLocal: boolean;
  /** 0: none. */
  readonly healthCheckNodePort: number;
  /** Addresses and host names of load balancers. */
  readonly ingress: readonly string[];
}

export interface PortView {
  /** Empty where it has none. */
  readonly name: string;
  /** As the API writes it: `TCP`. */
  readonly protocol: string;
  readonly port: number;
  /** A number, a name, or the same as `port`. */
  readonly targetPort: number | string;
  /** 0: none. */
  readonly nodePort: number;
}

export interface SliceView {
  readonly name: string;
  /** `namespace/name` of its Service. */
  readonly service: string;
  readonly ports: readonly { readonly name: string; readonly protocol: string; readonly port: number }[];
  readonly endpoints: readonly EndpointView[];
}

export interface EndpointView {
  readonly address: string;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  readonly nodeName: string | undefined;
  /** The Pod's name. */
  readonly pod: string | undefined;
}

export function viewService(raw: Json): ServiceView | undefined {
  const metadata = asObject(raw['metadata']) ?? {};
  const name = asString(metadata['name']);
  if (name === undefined) return undefined;
  const spec = asObject(raw['spec']) ?? {};
  const clusterIPs = texts(spec['clusterIPs'] ?? (given(spec['clusterIP']) ? [spec['clusterIP']] : []));
  const balancer = asObject(asObject(raw['status'])?.['loadBalancer']) ?? {};
  return {
    namespace: asString(metadata['namespace']) ?? 'default',
    name,
    type: asString(given(spec['type'])) ?? 'ClusterIP',
    externalName: asString(spec['externalName']),
    clusterIPs: clusterIPs.filter((address) => address !== 'None'),
    headless: spec['clusterIP'] === 'None' || clusterIPs[0] === 'None',
    proxyName: asString(labelsOf(raw)['service.kubernetes.io/service-proxy-name']),
    selector: textRecord(spec['selector']),
    ports: objects(spec['ports']).map((port) => {
      const number = asInteger(port['port'], 1, 65_535) ?? 0;
      const target = given(port['targetPort']);
      return {
        name: asString(port['name']) ?? '',
        protocol: asString(given(port['protocol'])) ?? 'TCP',
        port: number,
        targetPort: typeof target === 'number' || typeof target === 'string' ? target : number,
        nodePort: asInteger(port['nodePort'], 1, 65_535) ?? 0,
      };
    }),
    externalPolicyLocal: spec['externalTrafficPolicy'] === 'Local',
    internalPolicyLocal: spec['internalTrafficPolicy'] === 'Local',
    healthCheckNodePort: asInteger(spec['healthCheckNodePort'], 1, 65_535) ?? 0,
    ingress: objects(balancer['ingress']).flatMap(({ ip, hostname }) => texts([ip, hostname])),
  };
}

export function viewSlice(raw: Json): SliceView | undefined {
  const metadata = asObject(raw['metadata']) ?? {};
  const service = asString(labelsOf(raw)['kubernetes.io/service-name']);
  if (service === undefined) return undefined;
  return {
    name: asString(metadata['name']) ?? '',
    service: `${asString(metadata['namespace']) ?? 'default'}/${service}`,
    ports: objects(raw['ports']).flatMap((port) => {
      const number = asInteger(port['port'], 1, 65_535);
      const protocol = asString(given(port['protocol'])) ?? 'TCP';
      return number === undefined ? [] : [{ name: asString(port['name']) ?? '', protocol, port: number }];
    }),
    endpoints: objects(raw['endpoints']).flatMap(viewEndpoint),
  };
}

function viewEndpoint(raw: Json): EndpointView[] {
  const [address] = texts(raw['addresses']);
  if (address === undefined) return [];
  const conditions = asObject(raw['conditions']) ?? {};
  const reference = asObject(raw['targetRef']) ?? {};
  // Absent means true, as the API says, but for `terminating`.
  const ready = conditions['ready'] !== false;
  return [
    {
      address,
      ready,
      serving: typeof conditions['serving'] === 'boolean' ? conditions['serving'] : ready,
      terminating: conditions['terminating'] === true,
      nodeName: asString(raw['nodeName']),
      pod: reference['kind'] === 'Pod' ? asString(reference['name']) : undefined,
    },
  ];
}

export function textRecord(value: unknown): Readonly<Record<string, string>> {
  const entries = Object.entries(asObject(value) ?? {}).map(([key, text]) => [key, String(text)] as const);
  return Object.fromEntries(entries);
}

function texts(value: unknown): readonly string[] {
  return (asList(value) ?? []).filter((entry) => typeof entry === 'string' && entry !== '') as string[];
}
