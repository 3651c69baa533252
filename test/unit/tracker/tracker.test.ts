import { describe, expect, it } from 'vitest';
import type { Family, ServicePortKey } from '../../../rules/model.ts';
import { Tracker } from '../../../src/tracker/tracker.ts';
import { endpointAt, node, service, slice } from '../../model/objects.ts';

const WEB = 'default/web/tcp' as ServicePortKey;
const OTHER = 'default/other/tcp' as ServicePortKey;

function tracker(
  ...objects: readonly (readonly [kind: 'Service' | 'EndpointSlice' | 'Endpoints', object: object])[]
) {
  const found = new Tracker({
    nodeName: 'node-a',
    report: ({ message }) => expect.fail(message),
  });
  for (const [kind, object] of objects) found.upsert(kind, object);
  found.takeDirty('ipv4');
  found.takeDirty('ipv6');
  return found;
}

function endpoints(of: Tracker, key = WEB, family: Family = 'ipv4'): readonly string[] | undefined {
  return of.resolve(family, key)?.servicePort.endpoints.map(({ address, port }) => `${address} ${port}`);
}

describe('EndpointSlices', () => {
  it('of one Service are put together, in the order of `address:port` as text', () => {
    const found = tracker(
      ['Service', service('web', '10.96.0.1')],
      ['EndpointSlice', slice('web', ['10.244.0.9', '10.244.0.10'], { name: 'web-2' })],
      ['EndpointSlice', slice('web', ['10.244.0.1'], { name: 'web-1' })],
    );
    expect(endpoints(found)).toEqual(['10.244.0.10 8080', '10.244.0.1 8080', '10.244.0.9 8080']);
  });

  it('may come before their Service, and stay when it goes', () => {
    const found = tracker(['EndpointSlice', slice('web', ['10.244.0.1'])]);
    expect(found.resolve('ipv4', WEB)).toBeUndefined();
    found.upsert('Service', service('web', '10.96.0.1'));
    expect(endpoints(found)).toEqual(['10.244.0.1 8080']);
    expect(found.endpointCount('ipv4')).toBe(1);
    found.delete('Service', 'default/web');
    expect([found.resolve('ipv4', WEB), found.endpointCount('ipv4')]).toEqual([undefined, 0]);
    found.upsert('Service', service('web', '10.96.0.1'));
    expect(endpoints(found)).toEqual(['10.244.0.1 8080']);
  });

  it('move from one Service to another with their label', () => {
    const found = tracker(
      ['Service', service('web', '10.96.0.1')],
      ['Service', service('other', '10.96.0.2')],
      ['EndpointSlice', slice('web', ['10.244.0.1'], { name: 'moving' })],
    );
    found.upsert('EndpointSlice', slice('other', ['10.244.0.1'], { name: 'moving' }));
    expect([endpoints(found, WEB), endpoints(found, OTHER)]).toEqual([[], ['10.244.0.1 8080']]);
    expect([...found.takeDirty('ipv4')].sort()).toEqual([OTHER, WEB]);
    expect(found.endpointCount('ipv4')).toBe(1);
    found.delete('EndpointSlice', 'default/moving');
    expect([endpoints(found, OTHER), found.takeDirty('ipv4')]).toEqual([[], [OTHER]]);
  });

  it('of another namespace belong to another Service', () => {
    const found = tracker(
      ['Service', service('web', '10.96.0.1')],
      ['EndpointSlice', slice('web', ['10.244.0.1'], { namespace: 'elsewhere' })],
    );
    expect(endpoints(found)).toEqual([]);
  });

  it('that have become headless or lost their label are as good as gone', () => {
    for (const labels of [{ 'service.kubernetes.io/headless': '' }, { 'kubernetes.io/service-name': '' }]) {
      const found = tracker(
        ['Service', service('web', '10.96.0.1')],
        ['EndpointSlice', slice('web', ['10.244.0.1'])],
      );
      found.upsert('EndpointSlice', slice('web', ['10.244.0.1'], { labels }));
      expect([endpoints(found), found.takeDirty('ipv4')]).toEqual([[], [WEB]]);
    }
  });

  it('serve the ports that have their name and protocol, each slice with its own number', () => {
    const ports = [
      { name: 'http', protocol: 'TCP', port: 80 },
      { name: 'http', protocol: 'UDP', port: 80 },
      { name: 'metrics', protocol: 'TCP', port: 9090 },
    ];
    const found = tracker(
      ['Service', service('web', '10.96.0.1', { spec: { ports } })],
      [
        'EndpointSlice',
        slice('web', ['10.244.0.1'], { name: 'old', ports: [{ name: 'http', protocol: 'TCP', port: 8080 }] }),
      ],
      [
        'EndpointSlice',
        slice('web', ['10.244.0.2'], {
          name: 'new',
          ports: [
            { name: 'http', protocol: 'TCP', port: 8888 },
            { name: 'metrics', protocol: 'TCP' },
          ],
        }),
      ],
    );
    expect(
      ['default/web:http/tcp', 'default/web:http/udp', 'default/web:metrics/tcp'].map((key) =>
        endpoints(found, key as ServicePortKey),
      ),
    ).toEqual([['10.244.0.1 8080', '10.244.0.2 8888'], [], []]);
  });

  it('of a family serve the ServicePort of that family; host names serve nobody', () => {
    const found = tracker(
      ['Service', service('web', '10.96.0.1', { spec: { clusterIPs: ['10.96.0.1', 'fd00:10:96::1'] } })],
      ['EndpointSlice', slice('web', ['10.244.0.1'])],
      ['EndpointSlice', slice('web', ['fd00::1', 'fd00::2'], { name: 'web-6', addressType: 'IPv6' })],
      ['EndpointSlice', slice('web', ['host.example'], { name: 'web-dns', addressType: 'FQDN' })],
    );
    expect(endpoints(found, WEB, 'ipv4')).toEqual(['10.244.0.1 8080']);
    expect(endpoints(found, WEB, 'ipv6')).toEqual(['fd00::1 8080', 'fd00::2 8080']);
    expect([found.endpointCount('ipv4'), found.endpointCount('ipv6')]).toEqual([1, 2]);
  });

  it('tell which endpoints are on this node', () => {
    const found = tracker(
      ['Service', service('web', '10.96.0.1')],
      [
        'EndpointSlice',
        slice('web', [
          endpointAt('10.244.0.1', { nodeName: 'node-a' }),
          endpointAt('10.244.0.2', { nodeName: 'node-b' }),
          { addresses: ['10.244.0.3'] },
        ]),
      ],
    );
    expect(found.resolve('ipv4', WEB)?.servicePort.endpoints.map(({ local }) => local)).toEqual([
      true,
      false,
      false,
    ]);
  });
});

describe('an endpoint in several slices', () => {
  const running = { conditions: { ready: true, serving: true, terminating: false } };
  const unready = { conditions: { ready: false, serving: false, terminating: false } };
  const draining = { conditions: { ready: false, serving: true, terminating: true } };
  const rows = [
    { what: 'is ready where one says so', of: [unready, running], ready: true, terminating: false },
    { what: 'runs where one terminates', of: [draining, running], ready: true, terminating: false },
    {
      what: 'runs, though not ready, where another terminates',
      of: [draining, unready],
      ready: false,
      terminating: false,
    },
    { what: 'terminates where all say so', of: [draining, draining], ready: false, terminating: true },
  ];
  it.each(rows)('$what, and counts once', ({ of, ready, terminating }) => {
    for (const order of [of, [...of].reverse()]) {
      const found = tracker(
        ['Service', service('web', '10.96.0.1')],
        ...order.map(
          (given, i) =>
            ['EndpointSlice', slice('web', [endpointAt('10.244.0.1', given)], { name: `s${i}` })] as const,
        ),
      );
      expect(found.resolve('ipv4', WEB)?.servicePort.endpoints).toEqual([
        expect.objectContaining({ ready, terminating }),
      ]);
      expect(found.endpointCount('ipv4')).toBe(1);
    }
  });
});

describe('legacy Endpoints', () => {
  const legacy = {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { namespace: 'default', name: 'web' },
    subsets: [
      {
        addresses: [{ ip: '10.244.9.1', nodeName: 'node-a' }, { ip: 'fd00::9' }],
        notReadyAddresses: [{ ip: '10.244.9.2' }],
        ports: [{ port: 80 }],
      },
    ],
  };

  it('are used where a Service has no slices, and only there', () => {
    const found = tracker(['Service', service('web', '10.96.0.1')], ['Endpoints', legacy]);
    expect(found.resolve('ipv4', WEB)?.servicePort.endpoints).toEqual([
      expect.objectContaining({ address: '10.244.9.1', port: 80, ready: true, local: true }),
      expect.objectContaining({ address: '10.244.9.2', port: 80, ready: false, local: false }),
    ]);
    expect(found.endpointCount('ipv4')).toBe(2);
    found.upsert('EndpointSlice', slice('web', ['10.244.0.1']));
    expect(endpoints(found)).toEqual(['10.244.0.1 8080']);
    found.delete('EndpointSlice', 'default/web-1');
    expect(endpoints(found)).toEqual(['10.244.9.1 80', '10.244.9.2 80']);
  });
});

describe('only what changed is dirty', () => {
  const build = () =>
    tracker(
      ['Service', service('web', '10.96.0.1')],
      ['Service', service('other', '10.96.0.2')],
      ['EndpointSlice', slice('web', ['10.244.0.1'])],
      ['EndpointSlice', slice('other', ['10.244.0.2'])],
    );
  const rows: readonly { what: string; act: (of: Tracker) => void; dirty: readonly string[] }[] = [
    {
      what: 'the same Service again',
      act: (of) => of.upsert('Service', service('web', '10.96.0.1')),
      dirty: [],
    },
    {
      what: 'another annotation',
      act: (of) =>
        of.upsert('Service', { ...service('web', '10.96.0.1'), status: { conditions: [{ type: 'x' }] } }),
      dirty: [],
    },
    {
      what: 'another cluster IP',
      act: (of) => of.upsert('Service', service('web', '10.96.0.3')),
      dirty: [WEB],
    },
    { what: 'the Service goes', act: (of) => of.delete('Service', 'default/web'), dirty: [WEB] },
    {
      what: 'a Service that was never there goes',
      act: (of) => of.delete('Service', 'default/none'),
      dirty: [],
    },
    {
      what: 'a Service that becomes headless',
      act: (of) => of.upsert('Service', service('web', 'None')),
      dirty: [WEB],
    },
    {
      what: 'the same slice again',
      act: (of) => of.upsert('EndpointSlice', slice('web', ['10.244.0.1'])),
      dirty: [],
    },
    {
      what: 'another endpoint',
      act: (of) => of.upsert('EndpointSlice', slice('web', ['10.244.0.9'])),
      dirty: [WEB],
    },
    { what: 'a slice goes', act: (of) => of.delete('EndpointSlice', 'default/web-1'), dirty: [WEB] },
    {
      what: 'a slice that was never there goes',
      act: (of) => of.delete('EndpointSlice', 'default/none'),
      dirty: [],
    },
    {
      what: 'a slice of a Service that is not there',
      act: (of) => of.upsert('EndpointSlice', slice('none', ['10.244.0.1'])),
      dirty: [],
    },
    { what: 'the Node', act: (of) => of.upsert('Node', node('node-a', { zone: 'zone-b' })), dirty: [] },
    {
      what: 'an external address that another claims as well',
      act: (of) => {
        of.upsert('Service', service('web', '10.96.0.1', { spec: { externalIPs: ['198.51.100.1'] } }));
        of.takeDirty('ipv4');
        of.upsert('Service', service('other', '10.96.0.2', { spec: { externalIPs: ['198.51.100.1'] } }));
      },
      dirty: [OTHER, WEB],
    },
  ];
  it.each(rows)('$what', ({ act, dirty }) => {
    const found = build();
    act(found);
    expect(found.hasDirty('ipv4')).toBe(dirty.length > 0);
    expect([...found.takeDirty('ipv4')].sort()).toEqual(dirty);
    expect([found.hasDirty('ipv4'), found.takeDirty('ipv4')]).toEqual([false, []]);
    expect(found.takeDirty('ipv6')).toEqual([]);
  });

  it('a Service loses a port: that one is gone, and the others are told with it', () => {
    const ports = [
      { name: 'http', port: 80 },
      { name: 'https', port: 443 },
    ];
    const found = tracker(['Service', service('web', '10.96.0.1', { spec: { ports } })]);
    found.upsert('Service', service('web', '10.96.0.1', { spec: { ports: ports.slice(0, 1) } }));
    expect([...found.takeDirty('ipv4')].sort()).toEqual(['default/web:http/tcp', 'default/web:https/tcp']);
    expect([...found.servicePortKeys('ipv4')]).toEqual(['default/web:http/tcp']);
  });
});

describe('the Node', () => {
  it('is the one that has this node’s name', () => {
    const found = tracker();
    found.upsert('Node', node('node-b', { zone: 'zone-b' }));
    expect(found.node).toBeUndefined();
    found.upsert('Node', node('node-a', { zone: 'zone-a', addresses: ['172.18.0.2', 'fd00::2'] }));
    expect(found.node).toMatchObject({ name: 'node-a', zone: 'zone-a', nodeIPs: ['172.18.0.2', 'fd00::2'] });
    found.upsert('Node', node('node-a', { zone: 'zone-c' }));
    expect(found.node?.zone).toBe('zone-c');
    found.delete('Node', 'node-b');
    expect(found.node).toBeDefined();
    found.delete('Node', 'node-a');
    expect(found.node).toBeUndefined();
  });
});

it('ServiceCIDRs of a family are put together, each once and in order', () => {
  const found = tracker();
  const cidr = (name: string, ...cidrs: readonly string[]) => ({ metadata: { name }, spec: { cidrs } });
  found.upsert('ServiceCIDR', cidr('b', '10.97.0.0/16', 'fd00:10:97::/112'));
  found.upsert('ServiceCIDR', cidr('a', '10.96.0.0/16'));
  found.upsert('ServiceCIDR', cidr('again', '10.96.0.0/16'));
  expect(found.serviceCIDRs('ipv4')).toEqual(['10.96.0.0/16', '10.97.0.0/16']);
  expect(found.serviceCIDRs('ipv6')).toEqual(['fd00:10:97::/112']);
  found.delete('ServiceCIDR', 'a');
  found.delete('ServiceCIDR', 'again');
  expect(found.serviceCIDRs('ipv4')).toEqual(['10.97.0.0/16']);
});

it('each object is told of once, and each kind when its list is complete', () => {
  let changes = 0;
  const found = new Tracker({ nodeName: 'node-a', report: () => {}, changed: () => changes++ });
  found.upsert('Service', service('web', '10.96.0.1'));
  found.delete('EndpointSlice', 'default/none');
  expect(changes).toBe(2);
  found.synced('Service');
  expect([changes, found.hasSynced('Service'), found.hasSynced('Service', 'EndpointSlice')]).toEqual([
    3,
    true,
    false,
  ]);
});
