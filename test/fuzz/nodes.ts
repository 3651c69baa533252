import fc from 'fast-check';
import {
  type Address,
  type Cidr,
  FAMILIES,
  type Family,
  type NodeFacts,
  type ProxySettings,
} from '../../rules/model.ts';

/** A node and its settings in one family. */
export interface Surroundings {
  readonly node: NodeFacts;
  readonly settings: ProxySettings;
}

const ADDRESSES = {
  ipv4: { node: '172.18.0.2', other: '192.168.50.2', loopback: '127.0.0.1' },
  ipv6: { node: 'fd00:172:18::2', other: 'fd00:192:168:50::2', loopback: '::1' },
} as const;
const POD_CIDRS = { ipv4: '10.244.0.0/16', ipv6: 'fd00:10:244::/56' } as const;
const OTHER_NETWORKS = { ipv4: '192.168.50.0/24', ipv6: 'fd00:192:168:50::/64' } as const;

export const family: fc.Arbitrary<Family> = fc.constantFrom(...FAMILIES);

export const nodeFacts = (of: Family): fc.Arbitrary<NodeFacts> =>
  fc.record({
    nodeName: fc.constant('node-a'),
    zone: fc.constantFrom('zone-a', 'zone-a', 'zone-b', ''),
    // Loopback: the Node is not known.
    nodeIP: fc.constantFrom(
      ADDRESSES[of].node,
      ADDRESSES[of].node,
      ADDRESSES[of].loopback,
    ) as fc.Arbitrary<Address>,
    podCIDRs: fc.constant([]),
    localAddresses: fc
      .subarray([ADDRESSES[of].node, ADDRESSES[of].other])
      .map((found) => [...found, ADDRESSES[of].loopback] as Address[]),
    serviceCIDRs: fc.constant([]),
  });

export const proxySettings = (of: Family): fc.Arbitrary<ProxySettings> =>
  fc.record({
    family: fc.constant(of),
    localDetector: fc.constantFrom(
      { kind: 'none' } as const,
      { kind: 'cidr', cidr: POD_CIDRS[of] as Cidr } as const,
      { kind: 'bridge', interface: 'cni0' } as const,
      { kind: 'prefix', prefix: 'cni' } as const,
    ),
    masqueradeAll: fc.nat(3).map((n) => n === 3),
    masqueradeMark: fc.constantFrom(0x4000, 0x80, 2 ** 31),
    nodePortAddresses: fc.constantFrom<ProxySettings['nodePortAddresses']>(
      [],
      [],
      'primary',
      [OTHER_NETWORKS[of] as Cidr],
      [OTHER_NETWORKS[of] as Cidr, '127.0.0.0/8' as Cidr],
    ),
    localhostNodePorts: fc.boolean(),
    conntrackTCPBeLiberal: fc.boolean(),
    nfacct: fc.boolean(),
    randomFully: fc.boolean(),
  });

export const surroundings = (of: Family): fc.Arbitrary<Surroundings> =>
  fc.record({ node: nodeFacts(of), settings: proxySettings(of) });
