import type { Family } from '../model.ts';

/** The ip sets of ipvs mode, by the names that they have for IPv4. */
export const SETS = {
  'KUBE-LOOP-BACK': 'hash:ip,port,ip',
  'KUBE-CLUSTER-IP': 'hash:ip,port',
  'KUBE-EXTERNAL-IP': 'hash:ip,port',
  'KUBE-EXTERNAL-IP-LOCAL': 'hash:ip,port',
  'KUBE-LOAD-BALANCER': 'hash:ip,port',
  'KUBE-LOAD-BALANCER-FW': 'hash:ip,port',
  'KUBE-LOAD-BALANCER-LOCAL': 'hash:ip,port',
  'KUBE-LOAD-BALANCER-SOURCE-IP': 'hash:ip,port,ip',
  'KUBE-LOAD-BALANCER-SOURCE-CIDR': 'hash:ip,port,net',
  'KUBE-NODE-PORT-TCP': 'bitmap:port',
  'KUBE-NODE-PORT-LOCAL-TCP': 'bitmap:port',
  'KUBE-NODE-PORT-UDP': 'bitmap:port',
  'KUBE-NODE-PORT-LOCAL-UDP': 'bitmap:port',
  // A bitmap of ports knows nothing of SCTP.
  'KUBE-NODE-PORT-SCTP-HASH': 'hash:ip,port',
  'KUBE-NODE-PORT-LOCAL-SCTP-HASH': 'hash:ip,port',
  'KUBE-HEALTH-CHECK-NODE-PORT': 'bitmap:port',
  'KUBE-IPVS-IPS': 'hash:ip',
} as const;

export type SetId = keyof typeof SETS;
export const SET_IDS = Object.keys(SETS) as readonly SetId[];

/** IPSET_MAXNAMELEN is 32 with the closing zero: longer names of IPv6 sets are cut. */
const MAX_LENGTH = 31;

/** The set's name in the kernel: IPv6 has sets of its own. */
export function setName(id: SetId, family: Family): string {
  return family === 'ipv4' ? id : id.replace(/^KUBE-/, 'KUBE-6-').slice(0, MAX_LENGTH);
}

/**
 * Type and options as `ipset save` prints them, but for those that the kernel chooses and changes (hashsize,
 * bucketsize, initval).
 */
export function setDefinition(id: SetId, family: Family): string {
  const type = SETS[id];
  if (type === 'bitmap:port') return `${type} range 0-65535`;
  return `${type} family ${family === 'ipv4' ? 'inet' : 'inet6'} maxelem 65536`;
}

/** Which set of the family has this name in the kernel. */
export function setIds(family: Family): ReadonlyMap<string, SetId> {
  return new Map(SET_IDS.map((id) => [setName(id, family), id]));
}
