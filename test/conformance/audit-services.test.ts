import { expect, it } from 'vitest';
import { endpointAt, node, service, slice } from '../model/objects.ts';
import { auditLines } from './audit-cluster.ts';

/** kube-proxy 1.36 where the corpus has no case: what Services and EndpointSlices may hold besides. */
const nodes = [node('node-a')];

const down = { ready: false, serving: false, terminating: false };
const leaving = { ready: false, serving: true, terminating: true };

it.each([
  ['the last', [endpointAt('10.244.1.1'), endpointAt('10.244.1.1', { conditions: down })], []],
  ['the last', [endpointAt('10.244.1.1', { conditions: down }), endpointAt('10.244.1.1')], ['10.244.1.1']],
  [
    'what runs',
    [endpointAt('10.244.1.1'), endpointAt('10.244.1.1', { conditions: leaving })],
    ['10.244.1.1'],
  ],
])('of an address that one EndpointSlice has twice, %s counts', (_, endpoints, expected) => {
  const lines = auditLines('ipvs/ipvsadm.txt', {
    mode: 'ipvs',
    nodes,
    services: [service('web', '10.96.0.1')],
    slices: [slice('web', endpoints)],
  });
  const reals = lines.filter((line) => line.startsWith('-a '));
  expect(reals).toEqual(expected.map((address) => `-a -t 10.96.0.1:80 -r ${address}:8080 -m -w 1`));
});

it('a source range that is given twice has two rules, in the order of the Service', () => {
  const ranges = ['198.51.100.0/24', '192.0.2.0/24', '198.51.100.0/24'];
  const spec = { type: 'LoadBalancer', loadBalancerSourceRanges: ranges };
  const lines = auditLines('iptables-save.txt', {
    mode: 'iptables',
    nodes,
    services: [service('web', '10.96.0.1', { spec, ingress: ['203.0.113.1'] })],
    slices: [slice('web', ['10.244.1.1'])],
  });
  const allowed = lines.map((line) => /^-A KUBE-FW-\S+ -s (\S+) /.exec(line)?.[1]);
  expect(allowed.filter((range) => range !== undefined)).toEqual(ranges);
});

it('in ipvs mode an external address that is the cluster IP as well has the endpoints of an external one', () => {
  const spec = { externalIPs: ['10.96.0.1'], externalTrafficPolicy: 'Local' };
  const lines = auditLines('ipvs/ipvsadm.txt', {
    mode: 'ipvs',
    nodes,
    services: [service('web', '10.96.0.1', { spec })],
    slices: [slice('web', ['10.244.1.1', endpointAt('10.244.0.1', { nodeName: 'node-a' })])],
  });
  expect(lines.filter((line) => line !== '')).toEqual([
    '-A -t 10.96.0.1:80 -s rr',
    '-a -t 10.96.0.1:80 -r 10.244.0.1:8080 -m -w 1',
  ]);
});

it.each([
  [1000, 1000],
  [1001, 0],
])(
  'with %i endpoints of all ServicePorts, ready or not, %i endpoint rules have comments',
  (count, commented) => {
    const endpoints = Array.from({ length: 500 }, (_, i) => {
      const address = `10.244.${Math.floor(i / 250)}.${(i % 250) + 1}`;
      return endpointAt(address, i === 0 ? { conditions: down } : {});
    });
    const ports = [
      { name: 'a', port: 80 },
      { name: 'b', port: 81 },
    ];
    const lines = auditLines('iptables-save.txt', {
      mode: 'iptables',
      nodes,
      services: [service('web', '10.96.0.1', { spec: { ports } }), service('one', '10.96.0.2')],
      slices: [
        slice('web', endpoints, {
          ports: ports.map(({ name, port }) => ({ name, protocol: 'TCP', port: port + 8000 })),
        }),
        ...(count > 1000 ? [slice('one', ['10.244.9.1'])] : []),
      ],
    });
    // Two of the endpoints are not ready.
    expect(lines.filter((line) => line.includes(' -> ')).length).toBe(Math.max(0, commented - 2));
  },
);
