import { describe, expect, it } from 'vitest';
import type { Address, Cidr, Family } from '../../rules/model.ts';
import { loadSettings } from '../../src/config/load.ts';
import type { Settings } from '../../src/config/settings.ts';
import { givenAddresses, nodeFacts, primaryFamily, proxySettings } from '../../src/node-facts.ts';
import type { NodeObject } from '../../src/tracker/node.ts';

function settings(...flags: readonly string[]): Settings {
  const loaded = loadSettings(['--hostname-override=node-a', ...flags], {
    readFile: () => expect.fail('no file was given'),
    hostname: () => 'host.example',
  });
  return loaded.kind === 'settings' ? loaded.settings : expect.fail('nothing to print was asked for');
}

function node(given: Partial<NodeObject> = {}): NodeObject {
  return {
    name: 'node-a',
    zone: 'zone-a',
    nodeIPs: ['172.18.0.2', 'fd00:172:18::2'] as Address[],
    addresses: [],
    podCIDRs: ['10.244.0.0/24', 'fd00:10:244::/64'] as Cidr[],
    taints: [],
    deleting: false,
    ...given,
  };
}

function facts(family: Family, of: NodeObject | undefined, ...flags: readonly string[]) {
  const localAddresses = ['172.18.0.2', '192.168.50.2', 'fd00:172:18::2', '127.0.0.1'] as Address[];
  return nodeFacts(family, settings(...flags), { node: of, localAddresses, serviceCIDRs: [] });
}

describe('what a family of the node is like', () => {
  it('of both families each has its own', () => {
    expect(facts('ipv4', node())).toEqual({
      nodeName: 'node-a',
      zone: 'zone-a',
      nodeIP: '172.18.0.2',
      podCIDRs: ['10.244.0.0/24'],
      localAddresses: ['172.18.0.2', '192.168.50.2', '127.0.0.1'],
      serviceCIDRs: [],
    });
    expect(facts('ipv6', node())).toMatchObject({
      nodeIP: 'fd00:172:18::2',
      podCIDRs: ['fd00:10:244::/64'],
      localAddresses: ['fd00:172:18::2', '::1'],
    });
  });

  const rows: readonly [
    what: string,
    node: NodeObject | undefined,
    flags: readonly string[],
    ipv4: string,
    ipv6: string,
  ][] = [
    ['the Node’s addresses', node(), [], '172.18.0.2', 'fd00:172:18::2'],
    ['one family only', node({ nodeIPs: ['172.18.0.2' as Address] }), [], '172.18.0.2', '::1'],
    ['a Node that is not known', undefined, [], '127.0.0.1', '::1'],
    [
      '--bind-address wins in its family',
      node(),
      ['--bind-address=198.51.100.7'],
      '198.51.100.7',
      'fd00:172:18::2',
    ],
    ['--bind-address of IPv6', node(), ['--bind-address=2001:db8::7'], '172.18.0.2', '2001:db8::7'],
    [
      '--bind-address of all addresses says nothing',
      node(),
      ['--bind-address=::'],
      '172.18.0.2',
      'fd00:172:18::2',
    ],
    [
      '--bind-address where the Node is not known',
      undefined,
      ['--bind-address=198.51.100.7'],
      '198.51.100.7',
      '::1',
    ],
  ];
  it.each(rows)('the node IP: %s', (_, of, flags, ipv4, ipv6) => {
    expect([facts('ipv4', of, ...flags).nodeIP, facts('ipv6', of, ...flags).nodeIP]).toEqual([ipv4, ipv6]);
  });
});

describe('the primary family', () => {
  const rows: readonly [
    what: string,
    node: NodeObject | undefined,
    flags: readonly string[],
    family: Family,
  ][] = [
    ['of the Node’s first address', node(), [], 'ipv4'],
    ['IPv6 first', node({ nodeIPs: ['fd00::2', '172.18.0.2'] as Address[] }), [], 'ipv6'],
    ['of --bind-address', node(), ['--bind-address=2001:db8::7'], 'ipv6'],
    ['not of --bind-address=::', node(), ['--bind-address=::'], 'ipv4'],
    ['IPv4 where nothing is known', undefined, [], 'ipv4'],
  ];
  it.each(rows)('%s', (_, of, flags, family) => {
    expect(primaryFamily(settings(...flags), of)).toBe(family);
  });
});

describe('settings of a family', () => {
  const CAPABLE = { nfacct: true, randomFully: true };

  it('are kube-proxy’s defaults where nothing is given', () => {
    expect(proxySettings('ipv4', settings(), facts('ipv4', node()), CAPABLE)).toEqual({
      family: 'ipv4',
      localDetector: { kind: 'none' },
      masqueradeAll: false,
      masqueradeMark: 0x4000,
      nodePortAddresses: [],
      localhostNodePorts: true,
      conntrackTCPBeLiberal: false,
      ...CAPABLE,
    });
  });

  const detectors: readonly [flags: readonly string[], ipv4: object, ipv6: object][] = [
    [
      ['--cluster-cidr=10.244.0.0/16,fd00:10:244::/56'],
      { kind: 'cidr', cidr: '10.244.0.0/16' },
      { kind: 'cidr', cidr: 'fd00:10:244::/56' },
    ],
    [['--cluster-cidr=10.244.0.0/16'], { kind: 'cidr', cidr: '10.244.0.0/16' }, { kind: 'none' }],
    [['--detect-local-mode=ClusterCIDR'], { kind: 'none' }, { kind: 'none' }],
    [
      ['--detect-local-mode=NodeCIDR'],
      { kind: 'cidr', cidr: '10.244.0.0/24' },
      { kind: 'cidr', cidr: 'fd00:10:244::/64' },
    ],
    [
      ['--detect-local-mode=BridgeInterface', '--pod-bridge-interface=cni0'],
      { kind: 'bridge', interface: 'cni0' },
      { kind: 'bridge', interface: 'cni0' },
    ],
    [
      ['--detect-local-mode=InterfaceNamePrefix', '--pod-interface-name-prefix=veth'],
      { kind: 'prefix', prefix: 'veth' },
      { kind: 'prefix', prefix: 'veth' },
    ],
  ];
  it.each(detectors)('local traffic by %j', (flags, ipv4, ipv6) => {
    const detector = (family: Family) =>
      proxySettings(family, settings(...flags), facts(family, node()), CAPABLE).localDetector;
    expect([detector('ipv4'), detector('ipv6')]).toEqual([ipv4, ipv6]);
  });

  it('the mark is one bit, the highest included', () => {
    const mark = (...flags: readonly string[]) =>
      proxySettings('ipv4', settings(...flags), facts('ipv4', node()), CAPABLE).masqueradeMark;
    expect([mark('--iptables-masquerade-bit=0'), mark('--iptables-masquerade-bit=31')]).toEqual([1, 2 ** 31]);
  });

  it('node ports answer on networks, or on the node IP', () => {
    const addresses = (flag: string) =>
      proxySettings('ipv4', settings(flag), facts('ipv4', node()), CAPABLE).nodePortAddresses;
    expect(addresses('--nodeport-addresses=10.0.0.0/8,fd00::/8')).toEqual(['10.0.0.0/8', 'fd00::/8']);
    expect(addresses('--nodeport-addresses=primary')).toBe('primary');
  });
});

it('--local-addresses are bare or with a length', () => {
  expect(givenAddresses(['172.18.0.2', '192.168.50.2/24', 'fd00::2/64', 'FD00::0003'])).toEqual([
    '172.18.0.2',
    '192.168.50.2',
    'fd00::2',
    'fd00::3',
  ]);
});
