import { shortHash } from '../hash.ts';
import type { Endpoint, ServicePort } from '../model.ts';

/** The table of each family that holds everything. */
export const TABLE = 'kube-proxy';

/** The chains that one ServicePort may have, by kube-proxy's prefixes. */
export interface ServicePortChains {
  readonly cluster: string;
  readonly local: string;
  readonly external: string;
  readonly firewall: string;
}

export function servicePortChains(servicePort: ServicePort): ServicePortChains {
  const base = hashed(pathOf(servicePort));
  return {
    cluster: `service-${base}`,
    local: `local-${base}`,
    external: `external-${base}`,
    firewall: `firewall-${base}`,
  };
}

/** The chain of an endpoint and the set of its clients, for session affinity. */
export function endpointNames(
  servicePort: ServicePort,
  { address, port }: Pick<Endpoint, 'address' | 'port'>,
): { readonly chain: string; readonly affinity: string } {
  // Names must not hold a colon.
  const base = hashed(`${pathOf(servicePort)}__${address.replaceAll(':', '.')}/${port}`);
  return { chain: `endpoint-${base}`, affinity: `affinity-${base}` };
}

function pathOf({ namespace, service, protocol, portName }: ServicePort): string {
  return `${namespace}/${service}/${protocol}/${portName}`;
}

const HASH_CHARACTERS = 8;
/** Linux takes names of up to 255 characters (NFT_NAME_MAXLEN); prefixes have up to 15. */
const MAX_LENGTH = 240;

function hashed(path: string): string {
  const name = `${shortHash(path, HASH_CHARACTERS)}-${path}`;
  return name.length <= MAX_LENGTH ? name : `${name.slice(0, MAX_LENGTH - 3)}...`;
}
