import { addressOf, familyOf, numberOf } from '../../../rules/address.ts';
import type { Address, Family, ServicePort } from '../../../rules/model.ts';
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
  const network = facts?.podCIDRs[0] ?? (detector?.kind === 'cidr' ? detector.cidr : undefined);
  const taken = new Set(servicePort.endpoints.map(({ address }) => address));
  const base = numberOf(network?.split('/')[0] ?? DOCUMENTATION[family]);
  let address: Address;
  let n = 250n;
  do address = addressOf(base + n--, family === 'ipv6');
  while (taken.has(address));
  return { kind: 'pod', address, text: `a Pod of this node (such as ${address})` };
}

/** Some client outside the cluster: one that the Service lets in, if it does not let in everybody. */
export function someClient(servicePort: ServicePort): Sender {
  const { family, sourceRanges } = servicePort;
  const range = sourceRanges.find((cidr) => familyOf(cidr) === family);
  const base = range?.split('/')[0] ?? DOCUMENTATION[family];
  const isOne = range !== undefined && /\/(32|128)$/.test(range);
  const address = addressOf(numberOf(base) + (isOne ? 0n : 1n), family === 'ipv6');
  const which = range === undefined ? 'a client outside' : 'a client in the source ranges';
  return { kind: 'outside', address, text: `${which} (such as ${address})` };
}

/** Networks for examples (RFC 5737, RFC 3849). */
const DOCUMENTATION: Readonly<Record<Family, string>> = { ipv4: '192.0.2.0', ipv6: '2001:db8::' };
