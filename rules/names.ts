import { shortHash } from './hash.ts';
import type { Endpoint, ServicePort } from './model.ts';
import { endpointText } from './model.ts';

/** The chains that one ServicePort may have in iptables mode, by kube-proxy's prefixes. */
export interface ServicePortChains {
  /** Endpoints of the Cluster policy. */
  readonly cluster: string;
  /** Endpoints of the Local policy. */
  readonly local: string;
  /** Entry for node ports, external and load balancer addresses. */
  readonly external: string;
  /** Source ranges of load balancer addresses. */
  readonly firewall: string;
}

/** KUBE-SVC-, KUBE-SVL-, KUBE-EXT- and KUBE-FW- with the ServicePort's hash. */
export function servicePortChains(servicePort: Pick<ServicePort, 'name' | 'protocol'>): ServicePortChains {
  const id = shortHash(servicePort.name + servicePort.protocol, HASH_CHARACTERS);
  return {
    cluster: `KUBE-SVC-${id}`,
    local: `KUBE-SVL-${id}`,
    external: `KUBE-EXT-${id}`,
    firewall: `KUBE-FW-${id}`,
  };
}

/** What the names of endpoints' chains begin with. */
export const ENDPOINT_CHAIN_PREFIX = 'KUBE-SEP-';

/** KUBE-SEP- with the hash of ServicePort and endpoint: no two ServicePorts share such a chain. */
export function endpointChain(
  servicePort: Pick<ServicePort, 'name' | 'protocol'>,
  endpoint: Pick<Endpoint, 'address' | 'port'>,
): string {
  const id = shortHash(servicePort.name + servicePort.protocol + endpointText(endpoint), HASH_CHARACTERS);
  return `${ENDPOINT_CHAIN_PREFIX}${id}`;
}

/** 80 bits: with the longest prefix they fit the 28 characters of a chain's name. */
const HASH_CHARACTERS = 16;
