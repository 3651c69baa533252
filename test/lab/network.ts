import { FAMILIES } from '../../rules/model.ts';
import type { Namespace } from './namespaces.ts';
import { ADDRESSES, type Addresses, type PodName, REMOTE_POD } from './topology.ts';

export interface Hosts {
  readonly node: Namespace;
  readonly otherNode: Namespace;
  readonly outside: Namespace;
  /** Pods of the node under test. */
  readonly pods: ReadonlyMap<PodName, Namespace>;
}

/** Connects namespaces that are empty: interfaces, addresses, routes and sysctls as a CNI and the kubelet set them. */
export async function wire(hosts: Hosts): Promise<void> {
  const { node, otherNode, outside, pods } = hosts;
  await Promise.all([node, otherNode, outside, ...pods.values()].map((host) => host.sysctl(HOST_SYSCTLS)));
  await node.ip(['link add cni0 type bridge', 'link set lo up', 'link set cni0 up']);
  await node.sysctl(NODE_SYSCTLS);
  await outside.ip(['link add lan0 type bridge', 'link set lo up', 'link set lan0 up']);
  // What crosses the outside switch is no business of its packet filter.
  await outside.sysctl({ 'net.bridge.bridge-nf-call-iptables': 0, 'net.bridge.bridge-nf-call-ip6tables': 0 });

  for (const host of [node, otherNode]) {
    const port = host === node ? 'node-1' : 'node-2';
    await outside.ip([
      `link add ${port} type veth peer name eth0 netns ${host.name}`,
      `link set ${port} master lan0 up`,
    ]);
  }
  for (const [name, pod] of pods) {
    await node.ip([
      `link add ${name} type veth peer name eth0 netns ${pod.name}`,
      `link set ${name} master cni0 up`,
      // A Pod that reaches itself through its Service is sent back through the port that it came from.
      `link set ${name} type bridge_slave hairpin on`,
    ]);
  }
  await Promise.all([
    outside.ip([...eachFamily(outsideAddresses), ...eachFamily(routesThroughNodes)]),
    node.ip(['link set eth0 up', ...eachFamily(nodeAddresses)]),
    otherNode.ip(['link set lo up', 'link set eth0 up', ...eachFamily(otherNodeAddresses)]),
    ...[...pods].map(([name, pod]) =>
      pod.ip(['link set lo up', 'link set eth0 up', ...eachFamily((own) => podAddresses(own, name))]),
    ),
  ]);
}

/** No waiting for duplicate address detection, which hairpin ports would even fail, and no learning of routes. */
const HOST_SYSCTLS = {
  'net.ipv6.conf.all.accept_dad': 0,
  'net.ipv6.conf.default.accept_dad': 0,
  'net.ipv6.conf.all.accept_ra': 0,
  'net.ipv6.conf.default.accept_ra': 0,
  'net.ipv4.conf.all.accept_redirects': 0,
  'net.ipv6.conf.all.accept_redirects': 0,
  'net.ipv6.conf.default.accept_redirects': 0,
  'net.ipv4.conf.all.rp_filter': 0,
  'net.ipv4.conf.default.rp_filter': 0,
};

const NODE_SYSCTLS = {
  'net.ipv4.ip_forward': 1,
  'net.ipv6.conf.all.forwarding': 1,
  'net.ipv4.conf.all.send_redirects': 0,
  'net.ipv4.conf.default.send_redirects': 0,
  'net.bridge.bridge-nf-call-iptables': 1,
  'net.bridge.bridge-nf-call-ip6tables': 1,
  // Tests count refusals, which are ICMP errors that the kernel would ration.
  'net.ipv4.icmp_ratelimit': 0,
  'net.ipv6.icmp.ratelimit': 0,
};

function eachFamily(lines: (own: Addresses) => readonly string[]): readonly string[] {
  return FAMILIES.flatMap((family) => lines(ADDRESSES[family]));
}

function outsideAddresses(own: Addresses): readonly string[] {
  return [own.router, ...own.clients].map(
    (address) => `addr add ${address}/${own.nodeSubnetLength} dev lan0${nodad(address)}`,
  );
}

function routesThroughNodes(own: Addresses): readonly string[] {
  const throughNode = [own.podCIDR, own.serviceCIDR, own.externalCIDR, own.balancerCIDR];
  return [
    ...throughNode.map((network) => `route add ${network} via ${own.node} src ${own.clients[0]}`),
    `route add ${own.otherPodCIDR} via ${own.otherNode}`,
    // Without this the kernel would choose among the client's addresses by rules of its own.
    `route replace ${own.node}/${own.hostLength} dev lan0 src ${own.clients[0]}`,
  ];
}

function nodeAddresses(own: Addresses): readonly string[] {
  return [
    `addr add ${own.node}/${own.nodeSubnetLength} dev eth0${nodad(own.node)}`,
    `addr add ${own.bridge}/${length(own.podCIDR)} dev cni0${nodad(own.bridge)}`,
    `route add default via ${own.router} dev eth0`,
    `route add ${own.otherPodCIDR} via ${own.otherNode}`,
  ];
}

function otherNodeAddresses(own: Addresses): readonly string[] {
  const pod = own.pods[REMOTE_POD];
  return [
    `addr add ${own.otherNode}/${own.nodeSubnetLength} dev eth0${nodad(own.otherNode)}`,
    `addr add ${pod}/${own.hostLength} dev lo${nodad(pod)}`,
    `route add ${own.podCIDR} via ${own.node}`,
  ];
}

function podAddresses(own: Addresses, name: PodName): readonly string[] {
  const address = own.pods[name];
  return [
    `addr add ${address}/${length(own.podCIDR)} dev eth0${nodad(address)}`,
    `route add default via ${own.bridge} dev eth0`,
  ];
}

function length(cidr: string): string {
  return cidr.slice(cidr.indexOf('/') + 1);
}

function nodad(address: string): string {
  return address.includes(':') ? ' nodad' : '';
}
