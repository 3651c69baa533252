import { describe, expect, it } from 'vitest';
import type { Address, ServicePort, ServicePortKey } from '../../../rules/model.ts';
import { Claims } from '../../../src/tracker/claims.ts';
import { servicePort } from '../rules/model-parts.ts';

const SHARED = '198.51.100.1' as Address;

/** A ServicePort of the Service with this name and age, with a cluster IP of its own. */
function claimant(service: string, created: number, given: Partial<ServicePort> = {}): ServicePort {
  const host = service.charCodeAt(0) - 96;
  return servicePort({ service, created, clusterIP: `10.96.0.${host}` as Address, ...given });
}

function key(service: string): ServicePortKey {
  return servicePort({ service }).key;
}

function claims(...servicePorts: readonly ServicePort[]): Claims {
  const found = new Claims();
  for (const each of servicePorts) found.add(each);
  return found;
}

describe('a contested address and port', () => {
  const a = claimant('a', 2, { externalIPs: [SHARED] });
  const b = claimant('b', 1, { externalIPs: [SHARED] });
  const c = claimant('c', 2, { externalIPs: [SHARED] });

  it('goes to the oldest, in whatever order they come', () => {
    for (const order of [
      [a, b, c],
      [c, b, a],
      [b, c, a],
    ]) {
      const found = claims(...order);
      expect(order.map((each) => found.resolve(each).servicePort.externalIPs.length)).toEqual(
        order.map((each) => (each === b ? 1 : 0)),
      );
    }
  });

  it('is told of with loser, winner and what it is about', () => {
    expect(claims(a, b).resolve(a)).toEqual({
      servicePort: { ...a, externalIPs: [] },
      lost: [{ loser: key('a'), winner: key('b'), what: '198.51.100.1:80/tcp' }],
    });
    expect(claims(a, b).resolve(b)).toEqual({ servicePort: b, lost: [] });
  });

  it('goes to the first by name among those of one age', () => {
    const found = claims(c, a);
    expect(found.resolve(a).lost).toEqual([]);
    expect(found.resolve(c).lost.map(({ winner }) => winner)).toEqual([key('a')]);
  });

  it('goes to the next oldest when the winner goes, and comes back with it', () => {
    const found = claims(a, b, c);
    expect(found.remove(b)).toEqual([key('a'), key('c')]);
    expect([a, b, c].map((each) => found.resolve(each).lost.length)).toEqual([0, 1, 1]);
    expect(found.remove(a)).toEqual([key('c')]);
    expect(found.resolve(c).lost).toEqual([]);
    expect([...found.add(b)]).toEqual([key('c')]);
    expect(found.resolve(c).lost.map(({ winner }) => winner)).toEqual([key('b')]);
  });

  it('is none any more once one is left, and nobody else is touched', () => {
    const found = claims(a, b);
    found.remove(a);
    expect(found.resolve(b)).toEqual({ servicePort: b, lost: [] });
    expect(found.remove(b)).toEqual([]);
    expect(found.add(a)).toEqual([]);
    expect(found.resolve(a)).toEqual({ servicePort: a, lost: [] });
  });
});

describe('what can be contested', () => {
  const older = { created: 1 } as const;
  const rows: readonly {
    readonly what: string;
    readonly winner: Partial<ServicePort>;
    readonly loser: Partial<ServicePort>;
    /** What the loser is left without. */
    readonly left: Partial<ServicePort>;
    readonly lost: readonly string[];
  }[] = [
    {
      what: 'a load balancer address that is another’s external address',
      winner: { externalIPs: [SHARED] },
      loser: { loadBalancerIPs: [SHARED, '203.0.113.1' as Address] },
      left: { loadBalancerIPs: ['203.0.113.1' as Address] },
      lost: ['198.51.100.1:80/tcp'],
    },
    {
      what: 'a cluster IP that an older Service names as its external address',
      winner: { externalIPs: ['10.96.0.2' as Address] },
      loser: {},
      left: { clusterIP: undefined },
      lost: ['10.96.0.2:80/tcp'],
    },
    {
      what: 'an external address that is an older Service’s cluster IP',
      winner: {},
      loser: { externalIPs: ['10.96.0.1' as Address] },
      left: { externalIPs: [] },
      lost: ['10.96.0.1:80/tcp'],
    },
    {
      what: 'one cluster IP',
      winner: { clusterIP: '10.96.0.9' as Address },
      loser: { clusterIP: '10.96.0.9' as Address },
      left: { clusterIP: undefined },
      lost: ['10.96.0.9:80/tcp'],
    },
    {
      what: 'a node port, whatever the Service’s own port',
      winner: { nodePort: 30080 },
      loser: { nodePort: 30080, port: 443 },
      left: { nodePort: 0 },
      lost: ['node port 30080/tcp'],
    },
    {
      what: 'everything at once',
      winner: { clusterIP: '10.96.0.9' as Address, externalIPs: [SHARED], nodePort: 30080 },
      loser: {
        clusterIP: '10.96.0.9' as Address,
        externalIPs: [SHARED],
        loadBalancerIPs: [SHARED],
        nodePort: 30080,
      },
      left: { clusterIP: undefined, externalIPs: [], loadBalancerIPs: [], nodePort: 0 },
      lost: ['10.96.0.9:80/tcp', '198.51.100.1:80/tcp', 'node port 30080/tcp'],
    },
    {
      what: 'nothing on another port',
      winner: { externalIPs: [SHARED] },
      loser: { externalIPs: [SHARED], port: 81 },
      left: {},
      lost: [],
    },
    {
      what: 'nothing of another protocol',
      winner: { externalIPs: [SHARED], nodePort: 30080 },
      loser: { externalIPs: [SHARED], nodePort: 30080, protocol: 'udp' },
      left: {},
      lost: [],
    },
  ];
  it.each(rows)('$what', ({ winner, loser, left, lost }) => {
    const losing = claimant('b', 2, loser);
    const found = claims(losing, claimant('a', older.created, winner));
    const resolved = found.resolve(losing);
    expect(resolved.servicePort).toEqual({ ...losing, ...left });
    expect(resolved.lost.map(({ what }) => what)).toEqual(lost);
  });
});

describe('inside one Service', () => {
  it('an address that it names twice is not contested', () => {
    const twice = claimant('a', 1, {
      externalIPs: [SHARED, '10.96.0.1' as Address],
      loadBalancerIPs: [SHARED],
    });
    const found = claims(twice);
    expect(found.resolve(twice)).toEqual({ servicePort: twice, lost: [] });
    found.remove(twice);
    const other = claimant('b', 2, { externalIPs: [SHARED] });
    expect(found.add(other)).toEqual([]);
  });

  it('one node port in two ports goes to the first by name', () => {
    const http = claimant('a', 1, { portName: 'http', nodePort: 30080 });
    const https = claimant('a', 1, { portName: 'https', port: 443, nodePort: 30080 });
    const found = claims(https, http);
    expect(found.resolve(http).servicePort.nodePort).toBe(30080);
    expect(found.resolve(https).servicePort.nodePort).toBe(0);
  });
});
