import { familyOf, parseAddress, parseCidr } from '../../rules/address.ts';
import type { Address, Cidr } from '../../rules/model.ts';
import type { Json } from './fields.ts';
import { asList, asObject, asString, displayName, isSubdomain, labelsOf, SUBDOMAIN_RULE } from './fields.ts';
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
  const problems = new ObjectProblems('Node', displayName(raw, false), report);
  const metadata = asObject(raw['metadata']) ?? {};
  const name = metadata['name'];
  if (typeof name !== 'string' || !isSubdomain(name)) {
    problems.add('metadata.name', SUBDOMAIN_RULE, name, 'the Node is ignored');
    return undefined;
  }
  const spec = asObject(raw['spec']) ?? {};
  const addresses = readAddresses(asObject(raw['status'])?.['addresses'], problems);
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
    taints: (asList(spec['taints']) ?? [])
      .map((taint) => asString(asObject(taint)?.['key']))
      .filter((key) => key !== undefined),
    deleting: metadata['deletionTimestamp'] !== undefined && metadata['deletionTimestamp'] !== null,
  };
}

function readAddresses(value: unknown, problems: ObjectProblems): { type: string; address: Address }[] {
  const found: { type: string; address: Address }[] = [];
  for (const [i, entry] of (asList(value) ?? []).entries()) {
    const { type, address: text } = asObject(entry) ?? {};
    if (type !== 'InternalIP' && type !== 'ExternalIP') continue;
    const address = typeof text === 'string' ? parseAddress(text) : undefined;
    if (address) found.push({ type, address });
    else problems.add(`status.addresses[${i}].address`, 'an IP address', text, 'the address is ignored');
  }
  return found;
}

function readPodCIDRs(spec: Json, problems: ObjectProblems): readonly Cidr[] {
  const list = asList(spec['podCIDRs']) ?? [];
  const texts =
    list.length > 0 ? list : [spec['podCIDR']].filter((text) => text !== undefined && text !== '');
  const found: Cidr[] = [];
  for (const [i, text] of texts.entries()) {
    const cidr = typeof text === 'string' ? parseCidr(text) : undefined;
    if (cidr) found.push(cidr);
    else
      problems.add(list.length > 0 ? `spec.podCIDRs[${i}]` : 'spec.podCIDR', 'a CIDR', text, 'it is ignored');
  }
  return found;
}

/** The networks of a ServiceCIDR (networking.k8s.io/v1). */
export function readServiceCIDR(raw: Json, report: Report): readonly Cidr[] {
  const problems = new ObjectProblems('ServiceCIDR', displayName(raw, false), report);
  const list = asList(asObject(raw['spec'])?.['cidrs']);
  const found: Cidr[] = [];
  for (const [i, text] of (list ?? []).entries()) {
    const cidr = typeof text === 'string' ? parseCidr(text) : undefined;
    if (cidr) found.push(cidr);
    else problems.add(`spec.cidrs[${i}]`, 'a CIDR', text, 'it is ignored');
  }
  return found;
}
