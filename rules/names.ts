import { hash } from 'node:crypto';
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
  const id = shortHash(servicePort.name + servicePort.protocol);
  return {
    cluster: `KUBE-SVC-${id}`,
    local: `KUBE-SVL-${id}`,
    external: `KUBE-EXT-${id}`,
    firewall: `KUBE-FW-${id}`,
  };
}

/** KUBE-SEP- with the hash of ServicePort and endpoint: no two ServicePorts share such a chain. */
export function endpointChain(
  servicePort: Pick<ServicePort, 'name' | 'protocol'>,
  endpoint: Pick<Endpoint, 'address' | 'port'>,
): string {
  return `KUBE-SEP-${shortHash(servicePort.name + servicePort.protocol + endpointText(endpoint))}`;
}

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** The first 16 characters of the base32 (RFC 4648) SHA-256 of the text: 80 bits. */
function shortHash(text: string): string {
  const digest = hash('sha256', text, 'buffer');
  let out = '';
  for (let i = 0; i < 80; i += 5) {
    // Five bits at a time; they may straddle two bytes.
    const pair = ((digest[i >> 3] ?? 0) << 8) | (digest[(i >> 3) + 1] ?? 0);
    out += BASE32[(pair >> (11 - (i & 7))) & 31];
  }
  return out;
}
