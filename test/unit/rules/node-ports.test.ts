import { describe, expect, it } from 'vitest';
import type { Address, Cidr, NodeFacts, ProxySettings } from '../../../rules/model.ts';
import { nodePortScope } from '../../../rules/node-ports.ts';
import { nodeFacts, proxySettings } from './model-parts.ts';

const LOCAL = ['172.18.0.2', '192.168.50.2', '192.168.50.3', '127.0.0.1'] as Address[];
const LOCAL_6 = ['fd00:172:18::2', 'fd00:192::2', '::1'] as Address[];

interface Row {
  readonly what: string;
  readonly cidrs: readonly string[] | 'primary';
  readonly settings?: Partial<ProxySettings>;
  readonly node?: Partial<NodeFacts>;
  /** undefined: every address. */
  readonly addresses?: readonly string[];
  readonly localhost: boolean;
}

const rows: readonly Row[] = [
  { what: 'nothing given: every address', cidrs: [], localhost: true },
  {
    what: 'nothing given, 127.0.0.1 switched off',
    cidrs: [],
    settings: { localhostNodePorts: false },
    localhost: false,
  },
  { what: 'nothing for this family', cidrs: ['fd00::/8'], localhost: true },
  { what: 'a zero length: every address', cidrs: ['192.168.50.0/24', '0.0.0.0/0'], localhost: true },
  {
    what: 'one network: its addresses, without 127.0.0.1',
    cidrs: ['192.168.50.0/24'],
    addresses: ['192.168.50.2', '192.168.50.3'],
    localhost: false,
  },
  {
    what: 'networks of both families: those of this one',
    cidrs: ['fd00::/8', '172.18.0.0/16'],
    addresses: ['172.18.0.2'],
    localhost: false,
  },
  {
    what: 'a network in which the node has no address',
    cidrs: ['10.0.0.0/8'],
    addresses: [],
    localhost: false,
  },
  {
    what: 'loopback beside another',
    cidrs: ['127.0.0.0/8', '172.18.0.0/16'],
    addresses: ['172.18.0.2', '127.0.0.1'],
    localhost: true,
  },
  {
    what: 'a part of loopback',
    cidrs: ['127.0.0.1/32'],
    addresses: ['127.0.0.1'],
    localhost: true,
  },
  {
    what: 'a large network that loopback is in',
    cidrs: ['0.0.0.0/1'],
    addresses: ['127.0.0.1'],
    localhost: true,
  },
  {
    what: 'loopback, switched off',
    cidrs: ['127.0.0.0/8', '172.18.0.0/16'],
    settings: { localhostNodePorts: false },
    addresses: ['172.18.0.2'],
    localhost: false,
  },
  { what: 'primary: the node IP', cidrs: 'primary', addresses: ['172.18.0.2'], localhost: false },
  {
    what: 'primary, and no interface has the node IP',
    cidrs: 'primary',
    node: { nodeIP: '198.51.100.1' as Address },
    addresses: [],
    localhost: false,
  },
  {
    what: 'primary, while the Node is not known: every address',
    cidrs: 'primary',
    node: { nodeIP: '127.0.0.1' as Address },
    localhost: true,
  },
  {
    what: 'IPv6: never on ::1',
    cidrs: [],
    settings: { family: 'ipv6' },
    node: { nodeIP: 'fd00:172:18::2' as Address, localAddresses: LOCAL_6 },
    localhost: false,
  },
  {
    what: 'IPv6: not even where it is asked for',
    cidrs: ['::1/128', 'fd00:192::/32'],
    settings: { family: 'ipv6' },
    node: { nodeIP: 'fd00:172:18::2' as Address, localAddresses: LOCAL_6 },
    addresses: ['fd00:192::2'],
    localhost: false,
  },
];

describe('nodePortAddresses', () => {
  it.each(rows)('$what', ({ cidrs, settings, node, addresses, localhost }) => {
    const scope = nodePortScope(
      nodeFacts({ localAddresses: LOCAL, ...node }),
      proxySettings({
        nodePortAddresses: cidrs === 'primary' ? 'primary' : (cidrs as readonly Cidr[]),
        ...settings,
      }),
    );
    expect(scope).toEqual(
      addresses === undefined ? { kind: 'all', localhost } : { kind: 'some', addresses, localhost },
    );
  });
});
