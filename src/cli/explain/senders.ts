import { addressOf, familyOf, numberOf, prefixLength } from '../../../rules/address.ts';
import type { Address, Cidr, Family, ServicePort } from '../../../rules/model.ts';
import type { KnownCluster } from './cluster.ts';
import { isNodes, isOfPods, type NodeView } from './node-view.ts';

/** Who sends a packet. */
export interface Sender {
  /** `pod`: one of this node. */
  readonly kind: 'pod' | 'node' | 'outside';
  readonly address: Address;
  /** For people: `Pod default/client (10.244.0.9)`. */
  readonly text: string;
  /** What people should know about it. */
  readonly note?: string;
}

/** Whoever has an address. */
export function senderAt(address: Address, view: NodeView, cluster: KnownCluster | undefined): Sender {
  if (isNodes(view, address)) return nodeSender(address, view);
  const pod = cluster?.names.podAt(address);
  return pod ? podSender({ ...pod, address }, view) : addressSender(address, view);
}

function addressSender(address: Address, view: NodeView): Sender {
  const isPod = isOfPods(view, address);
  return {
    kind: isPod ? 'pod' : 'outside',
    address,
    text: isPod ? `${address}, a Pod of this node,` : address,
  };
}

/** The node itself. */
export function nodeSender(address: Address, view: NodeView): Sender {
  const where = view.isAddressKnown ? ` (${address})` : '';
  return { kind: 'node', address, text: `node ${view.name}${where}` };
}

/** A Pod that is known by its name. */
export function podSender(
  pod: { readonly pod: string; readonly address: Address; readonly nodeName: string | undefined },
  view: NodeView,
): Sender {
  const { address, nodeName } = pod;
  const text = `Pod ${pod.pod} (${address})`;
  // A Pod on the host's network sends what the node sends.
  if (isNodes(view, address)) return { kind: 'node', address, text };
  const isHere = nodeName === undefined ? isOfPods(view, address) : nodeName === view.name;
  if (isHere || nodeName === undefined) return { kind: isHere ? 'pod' : 'outside', address, text };
  const rules = `its packets meet the rules of that node first: --hostname-override=${nodeName} explains those`;
  return { kind: 'outside', address, text, note: `the Pod is on ${nodeName}, and ${rules}` };
}

/** Some Pod of the node that is no endpoint of the Service. */
export function somePod(servicePort: ServicePort, view: NodeView): Sender {
  const { family, facts, settings } = view;
  const detector = settings?.localDetector;
  const network = facts?.podCIDRs[0] ?? (detector?.kind === 'cidr' ? detector.cidr : DOCUMENTATION[family]);
  const taken = new Set(servicePort.endpoints.map(({ address }) => address));
  const last = 2n ** BigInt((family === 'ipv6' ? 128 : 32) - prefixLength(network)) - 1n;
  const at = (n: bigint): Address => addressOf(firstOf(network) + n, family === 'ipv6');
  let n = last > 250n ? 250n : last - 1n;
  while (n > 0n && taken.has(at(n))) n--;
  const address = at(n < 0n ? 0n : n);
  return { kind: 'pod', address, text: `a Pod of this node (such as ${address})` };
}

/** Some client outside the cluster: one that the Service lets in, if it does not let in everybody. */
export function someClient(servicePort: ServicePort): Sender {
  const { family, sourceRanges } = servicePort;
  const range = sourceRanges.find((cidr) => familyOf(cidr) === family);
  const isOne = range !== undefined && /\/(32|128)$/.test(range);
  const base = firstOf(range ?? DOCUMENTATION[family]);
  const address = addressOf(base + (isOne ? 0n : 1n), family === 'ipv6');
  const which = range === undefined ? 'a client outside' : 'a client in the source ranges';
  return { kind: 'outside', address, text: `${which} (such as ${address})` };
}

/** Networks for examples (RFC 5737, RFC 3849). */
const DOCUMENTATION = {
  ipv4: '192.0.2.0/24' as Cidr,
  ipv6: '2001:db8::/32' as Cidr,
} as const satisfies Readonly<Record<Family, Cidr>>;

function firstOf(network: Cidr): bigint {
  return numberOf(network.split('/')[0] ?? '');
}
