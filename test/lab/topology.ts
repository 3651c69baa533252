import type { Family } from '../../rules/model.ts';

export type PodName = 'pod-a' | 'pod-b' | 'pod-c' | 'pod-d';

/** pod-a, pod-b and pod-c run on the node under test, pod-d on another node. */
export const LOCAL_PODS: readonly PodName[] = ['pod-a', 'pod-b', 'pod-c'];
export const REMOTE_POD: PodName = 'pod-d';

/** Pods answer HTTP on TCP, and UDP, on this port. */
export const POD_PORT = 8080;

export const NODE_NAME = 'node-1';
export const OTHER_NODE_NAME = 'node-2';

/** The addresses of one IP family in the lab. All that is not a Pod or a node is routed to the node by the client. */
export interface Addresses {
  readonly node: string;
  readonly otherNode: string;
  /** The node's address on the Pods' bridge: what local Pods see of masqueraded traffic. */
  readonly bridge: string;
  /** The switch, router and client that everything outside is; its first address is the API server's as well. */
  readonly router: string;
  /** Source addresses that a client outside may use. */
  readonly clients: readonly [string, string, ...string[]];
  readonly pods: Readonly<Record<PodName, string>>;
  /** All Pods; this node's Pods; the other node's. */
  readonly clusterCIDR: string;
  readonly podCIDR: string;
  readonly otherPodCIDR: string;
  readonly serviceCIDR: string;
  readonly externalCIDR: string;
  readonly balancerCIDR: string;
  readonly loopback: string;
  readonly nodeSubnetLength: number;
  /** The prefix length of a single address. */
  readonly hostLength: number;
}

const CLIENTS = [100, 101, 102, 103, 104, 105, 106, 107] as const;

export const ADDRESSES: Readonly<Record<Family, Addresses>> = {
  ipv4: {
    node: '172.18.0.2',
    otherNode: '172.18.0.3',
    bridge: '10.244.0.1',
    router: '172.18.0.1',
    clients: clients((n) => `172.18.0.${n}`),
    pods: { 'pod-a': '10.244.0.5', 'pod-b': '10.244.0.6', 'pod-c': '10.244.0.7', 'pod-d': '10.244.1.5' },
    clusterCIDR: '10.244.0.0/16',
    podCIDR: '10.244.0.0/24',
    otherPodCIDR: '10.244.1.0/24',
    serviceCIDR: '10.96.0.0/16',
    externalCIDR: '203.0.113.0/24',
    balancerCIDR: '198.51.100.0/24',
    loopback: '127.0.0.1',
    nodeSubnetLength: 16,
    hostLength: 32,
  },
  ipv6: {
    node: 'fd00:172:18::2',
    otherNode: 'fd00:172:18::3',
    bridge: 'fd00:10:244::1',
    router: 'fd00:172:18::1',
    clients: clients((n) => `fd00:172:18::${n}`),
    pods: {
      'pod-a': 'fd00:10:244::5',
      'pod-b': 'fd00:10:244::6',
      'pod-c': 'fd00:10:244::7',
      'pod-d': 'fd00:10:244:1::5',
    },
    clusterCIDR: 'fd00:10:244::/56',
    podCIDR: 'fd00:10:244::/64',
    otherPodCIDR: 'fd00:10:244:1::/64',
    serviceCIDR: 'fd00:10:96::/112',
    externalCIDR: '2001:db8:113::/64',
    balancerCIDR: '2001:db8:51::/64',
    loopback: '::1',
    nodeSubnetLength: 64,
    hostLength: 128,
  },
};

/** The n-th address of a network of the lab, such as a cluster IP or an external IP. 0 < n < 250. */
export function addressIn(cidr: string, n: number): string {
  const base = cidr.slice(0, cidr.indexOf('/'));
  return base.includes(':') ? `${base}${n}` : base.replace(/\.0$/, `.${n}`);
}

function clients(address: (n: number) => string): [string, string, ...string[]] {
  const [first, second, ...more] = CLIENTS;
  return [address(first), address(second), ...more.map(address)];
}
