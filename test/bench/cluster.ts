import type { Address, Protocol } from '../../rules/model.ts';
import { endpointChain, servicePortChains } from '../../rules/names.ts';
import type { ApiWrite } from './api-process.ts';
import type { Sign } from './transaction.ts';

export const NODE_NAME = 'node-1';
export const CLUSTER_CIDR = '10.128.0.0/9';

/** Entries in the kernel's old packet filter for a chain besides its rules: its head and its end. */
const CHAIN_ENTRIES = 2;
/** Rules of an endpoint's chain, and the one that leads to it. */
const ENDPOINT_RULES = 3;

const ENDPOINT_ENTRIES = CHAIN_ENTRIES + ENDPOINT_RULES;
const NAMESPACES = 100;
const TARGET_PORT = 8080;
const PORT_NAME = 'http';
const NODES = 50;

/** One change of the cluster: what to write at the API, and how to recognise it in the kernel. */
export interface Change {
  readonly what: string;
  /** Writes that change no rules, and come before the clock starts. */
  readonly before: readonly ApiWrite[];
  readonly write: ApiWrite;
  readonly sign: Sign;
  /** Writes that change no rules, and come afterwards. */
  readonly after: readonly ApiWrite[];
  readonly servicePort: ServicePortName;
}

/** What a chain's name is made of. */
export interface ServicePortName {
  readonly name: string;
  readonly protocol: Protocol;
}

/** A cluster of ClusterIP Services, all alike, with addresses counted up so that none comes twice. */
export class BenchCluster {
  readonly #endpoints: string[][] = [];
  #addresses = 1;
  #services = 0;

  constructor(services: number, endpoints: number) {
    for (let i = 0; i < services; i++) this.#grow(endpoints);
  }

  get services(): number {
    return this.#services;
  }

  /** A List of all objects as they are now, in JSON. */
  manifest(): string {
    const items: object[] = [NODE];
    for (const [i, endpoints] of this.#endpoints.entries()) items.push(service(i), slice(i, endpoints));
    return JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  }

  /** A Pod is replaced by one with another address. */
  replaceEndpoint(i: number): Change {
    const [, ...others] = this.#of(i);
    const address = this.#address();
    return this.#endpointChange(`an endpoint of Service ${i} replaced`, i, [...others, address], 0, [
      `+chain ip nat ${endpointChain(servicePort(i), endpoint(address))}`,
      `+rule ip nat ${clusterChain(i)}`,
    ]);
  }

  addEndpoint(i: number): Change {
    const address = this.#address();
    return this.#endpointChange(
      `an endpoint of Service ${i} added`,
      i,
      [...this.#of(i), address],
      ENDPOINT_ENTRIES,
      [
        `+chain ip nat ${endpointChain(servicePort(i), endpoint(address))}`,
        `+rule ip nat ${clusterChain(i)}`,
      ],
    );
  }

  removeEndpoint(i: number): Change {
    const kept = this.#of(i).slice(0, -1);
    return this.#endpointChange(`an endpoint of Service ${i} removed`, i, kept, -ENDPOINT_ENTRIES, [
      `-rule ip nat ${clusterChain(i)}`,
    ]);
  }

  /** A Service more, with so many endpoints. It is the last one. */
  addService(endpoints: number): Change {
    const i = this.#services;
    this.#grow(endpoints);
    return {
      what: `Service ${i} added`,
      before: [{ method: 'POST', path: slicesPath(i), body: slice(i, this.#of(i)) }],
      write: { method: 'POST', path: servicesPath(i), body: service(i) },
      sign: {
        events: ['+rule ip nat KUBE-SERVICES', `+rule ip nat ${clusterChain(i)}`],
        entries: serviceEntries(endpoints),
      },
      after: [],
      servicePort: servicePort(i),
    };
  }

  /** The last Service goes. */
  removeService(): Change {
    const i = --this.#services;
    const endpoints = this.#endpoints.pop() ?? [];
    return {
      what: `Service ${i} removed`,
      before: [],
      write: { method: 'DELETE', path: `${servicesPath(i)}/${serviceName(i)}` },
      sign: { events: ['-rule ip nat KUBE-SERVICES'], entries: -serviceEntries(endpoints.length) },
      after: [{ method: 'DELETE', path: `${slicesPath(i)}/${sliceName(i)}` }],
      servicePort: servicePort(i),
    };
  }

  #endpointChange(
    what: string,
    i: number,
    addresses: readonly string[],
    entries: number,
    events: readonly string[],
  ): Change {
    this.#endpoints[i] = [...addresses];
    const path = `${slicesPath(i)}/${sliceName(i)}`;
    const write = { method: 'PATCH', path, body: { endpoints: endpointsOf(addresses) } } as const;
    return { what, before: [], write, sign: { events, entries }, after: [], servicePort: servicePort(i) };
  }

  #of(i: number): readonly string[] {
    return this.#endpoints[i] ?? [];
  }

  #grow(endpoints: number): void {
    this.#endpoints.push(Array.from({ length: endpoints }, () => this.#address()));
    this.#services++;
  }

  #address(): string {
    const n = this.#addresses++;
    return `10.${128 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`;
  }
}

const NODE = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: NODE_NAME },
  spec: { podCIDR: '10.128.0.0/24', podCIDRs: ['10.128.0.0/24'] },
  status: { addresses: [{ type: 'InternalIP', address: '172.18.0.2' }] },
};

function service(i: number): object {
  const address = `10.${96 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`;
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

function slice(i: number, addresses: readonly string[]): object {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: sliceName(i),
      namespace: namespace(i),
      labels: {
        'kubernetes.io/service-name': serviceName(i),
        'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
      },
    },
    addressType: 'IPv4',
    ports: [{ name: PORT_NAME, protocol: 'TCP', port: TARGET_PORT }],
    endpoints: endpointsOf(addresses),
  };
}

function endpointsOf(addresses: readonly string[]): readonly object[] {
  return addresses.map((address, i) => ({
    addresses: [address],
    conditions: { ready: true, serving: true, terminating: false },
    nodeName: `node-${2 + (i % NODES)}`,
    targetRef: { kind: 'Pod', name: `pod-${address.replaceAll('.', '-')}` },
  }));
}

/** The dispatch rule, the Service's chain and its own rule, and the endpoints. */
function serviceEntries(endpoints: number): number {
  return 1 + CHAIN_ENTRIES + 1 + endpoints * ENDPOINT_ENTRIES;
}

function servicePort(i: number): ServicePortName {
  return { name: `${namespace(i)}/${serviceName(i)}:${PORT_NAME}`, protocol: 'tcp' };
}

function endpoint(address: string) {
  return { address: address as Address, port: TARGET_PORT };
}

function clusterChain(i: number): string {
  return servicePortChains(servicePort(i)).cluster;
}

function serviceName(i: number): string {
  return `service-${i}`;
}

function sliceName(i: number): string {
  return `service-${i}-x7k2p`;
}

function namespace(i: number): string {
  return `team-${i % NAMESPACES}`;
}

function servicesPath(i: number): string {
  return `/api/v1/namespaces/${namespace(i)}/services`;
}

function slicesPath(i: number): string {
  return `/apis/discovery.k8s.io/v1/namespaces/${namespace(i)}/endpointslices`;
}
