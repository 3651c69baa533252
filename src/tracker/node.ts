import { familyOf, parseAddress, parseCidr } from '../../rules/address.ts';
import type { Address, Cidr } from '../../rules/model.ts';
import type { Json } from './fields.ts';
import { asObject, asString, displayName, given, labelsOf, readName, SUBDOMAIN, uidOf } from './fields.ts';
import type { Report } from './problem.ts';
import { ObjectProblems } from './problem.ts';

/** What is kept of a Node. */
export interface NodeObject {
  readonly name: string;
  readonly zone: string;
  /** At most one of each family: internal addresses before external ones, in the order of the status. */
  readonly nodeIPs: readonly Address[];
  /** Every IP address in the status. */
  readonly addresses: readonly Address[];
  readonly podCIDRs: readonly Cidr[];
  readonly taints: readonly string[];
  readonly deleting: boolean;
}

const ZONE_LABEL = 'topology.kubernetes.io/zone';

/** @returns undefined for a Node without a usable name. */
export function readNode(raw: Json, report: Report): NodeObject | undefined {
  const problems = new ObjectProblems('Node', displayName(raw, false), uidOf(raw), report);
  const name = readName(raw, SUBDOMAIN, problems, 'the Node is ignored');
  if (name === undefined) return undefined;
  const metadata = asObject(raw['metadata']) ?? {};
  const spec = problems.object(raw['spec'], 'spec', 'it is ignored');
  const addresses = readAddresses(raw, problems);
  const preferred = ['InternalIP', 'ExternalIP'].flatMap((type) =>
    addresses.filter((entry) => entry.type === type),
  );
  const [first] = preferred;
  const second = first && preferred.find(({ address }) => familyOf(address) !== familyOf(first.address));
  return {
    name,
    zone: asString(labelsOf(raw)[ZONE_LABEL]) ?? '',
    nodeIPs: [first, second].filter((entry) => entry !== undefined).map(({ address }) => address),
    addresses: [...new Set(addresses.map(({ address }) => address))],
    podCIDRs: readPodCIDRs(spec, problems),
    taints: problems
      .list(spec['taints'], 'spec.taints', 'it is ignored')
      .map((taint) => asString(asObject(taint)?.['key']))
      .filter((key) => key !== undefined),
    deleting: metadata['deletionTimestamp'] !== undefined && metadata['deletionTimestamp'] !== null,
  };
}

function readAddresses(raw: Json, problems: ObjectProblems): { type: string; address: Address }[] {
  const status = problems.object(raw['status'], 'status', 'the Node has no addresses');
  const list = problems.list(status['addresses'], 'status.addresses', 'the Node has no addresses');
  const found: { type: string; address: Address }[] = [];
  for (const [i, entry] of list.entries()) {
    const { type, address: text } = asObject(entry) ?? {};
    if (type !== 'InternalIP' && type !== 'ExternalIP') continue;
    const address = typeof text === 'string' ? parseAddress(text) : undefined;
    if (address) found.push({ type, address });
    else problems.add(`status.addresses[${i}].address`, 'an IP address', text, 'the address is ignored');
  }
  return found;
}

function readPodCIDRs(spec: Json, problems: ObjectProblems): readonly Cidr[] {
  const list = problems.list(spec['podCIDRs'], 'spec.podCIDRs', 'spec.podCIDR is used');
  if (list.length > 0) return readCidrs(list, (i) => `spec.podCIDRs[${i}]`, problems);
  const single = given(spec['podCIDR']);
  return readCidrs(single === undefined ? [] : [single], () => 'spec.podCIDR', problems);
}

/** The networks of a ServiceCIDR (networking.k8s.io/v1). */
export function readServiceCIDR(raw: Json, report: Report): readonly Cidr[] {
  const problems = new ObjectProblems('ServiceCIDR', displayName(raw, false), uidOf(raw), report);
  const spec = problems.object(raw['spec'], 'spec', 'the ServiceCIDR is ignored');
  const list = problems.list(spec['cidrs'], 'spec.cidrs', 'the ServiceCIDR is ignored');
  return readCidrs(list, (i) => `spec.cidrs[${i}]`, problems);
}

function readCidrs(
  list: readonly unknown[],
  field: (i: number) => string,
  problems: ObjectProblems,
): readonly Cidr[] {
  return list.flatMap((text, i) => {
    const cidr = typeof text === 'string' ? parseCidr(text) : undefined;
    if (cidr) return [cidr];
    problems.add(field(i), 'a CIDR', text, 'it is ignored');
    return [];
  });
}
