import { describe, expect, it } from 'vitest';
import {
  isStillStale,
  staleFlows,
  type UdpDestinations,
  udpDestinations,
  withoutDeparted,
} from '../../../rules/conntrack.ts';
import type { ProxySettings, ServicePort } from '../../../rules/model.ts';
import { address, dns, endpoint, flow, NODE, SETTINGS } from './conntrack-services.ts';

const DESTINATIONS = ['10.96.0.10:53', '203.0.113.10:53', '198.51.100.10:53', '192.0.2.1:30053'];

describe('a flow to a Service', () => {
  it.each(DESTINATIONS)('to %s is kept while its endpoint serves', (destination) => {
    expect(isStale(`${destination} → 10.244.0.5:5353`, dns([endpoint(5), endpoint(6)]))).toBe(false);
  });

  it.each(DESTINATIONS)(
    'to %s is deleted when its endpoint has gone, and only with its likes',
    (destination) => {
      const stale = flow(`${destination} → 10.244.0.7:5353`);
      expect(staleFlows(stale, destinations(dns([endpoint(5), endpoint(6)])))).toEqual(stale);
    },
  );

  it.each(DESTINATIONS)(
    'to %s that nothing translated is deleted when there are endpoints',
    (destination) => {
      expect(isStale(`${destination} → ${destination}`, dns([endpoint(5)]))).toBe(true);
    },
  );

  it.each(DESTINATIONS)('to %s is deleted with all others when no endpoint is left', (destination) => {
    const empty = destinations(dns([]));
    const { zone, destination: to, port } = flow(`${destination} → 10.244.0.5:5353`);
    expect(staleFlows(flow(`${destination} → 10.244.0.5:5353`), empty)).toEqual({
      zone,
      destination: to,
      port,
    });
    expect(staleFlows(flow(`${destination} → ${destination}`), empty)).toEqual({
      zone,
      destination: to,
      port,
    });
  });

  it('is deleted when the endpoint has moved to another port', () => {
    expect(isStale('10.96.0.10:53 → 10.244.0.5:53', dns([endpoint(5)]))).toBe(true);
  });

  const conditions = (ready: boolean, serving: boolean, terminating: boolean) => ({
    ready,
    serving,
    terminating,
  });
  it.each([
    ['terminates and still serves', conditions(false, true, true), false],
    ['terminates and serves no more', conditions(false, false, true), true],
    ['is not ready', conditions(false, false, false), true],
    ['is published before it is ready', conditions(true, false, false), false],
  ])('whose endpoint %s', (_, state, stale) => {
    const servicePort = dns([endpoint(5, state), endpoint(6)]);
    expect(isStale('10.96.0.10:53 → 10.244.0.5:5353', servicePort)).toBe(stale);
  });

  it('is kept although policies and hints would send a new one elsewhere', () => {
    const remote = endpoint(9, { local: false, nodeName: 'node-2', zoneHints: ['elsewhere'] });
    const servicePort = dns([endpoint(5), remote], { internalPolicyLocal: true, externalPolicyLocal: true });
    expect(isStale('10.96.0.10:53 → 10.244.0.9:5353', servicePort)).toBe(false);
    expect(isStale('192.0.2.1:30053 → 10.244.0.9:5353', servicePort)).toBe(false);
  });

  it('in IPv6', () => {
    const ipv6: Partial<ServicePort> = {
      family: 'ipv6',
      clusterIP: address('fd00:10:96::a'),
      externalIPs: [],
      loadBalancerIPs: [],
    };
    const servicePort = dns([endpoint(5, { address: address('fd00:10:244::5') })], ipv6);
    const local = {
      ...NODE,
      nodeIP: address('2001:db8::1'),
      localAddresses: ['2001:db8::1', '::1'].map(address),
    };
    const now = udpDestinations([servicePort], local, { ...SETTINGS, family: 'ipv6' });
    expect(staleFlows(flow('[fd00:10:96::a]:53 → [fd00:10:244::5]:5353'), now)).toBeUndefined();
    expect(staleFlows(flow('[fd00:10:96::a]:53 → [fd00:10:244::6]:5353'), now)).toBeDefined();
    expect(staleFlows(flow('[2001:db8::1]:30053 → [fd00:10:244::6]:5353'), now)).toBeDefined();
    expect(staleFlows(flow('[2001:db8::2]:30053 → [fd00:10:244::6]:5353'), now)).toBeUndefined();
  });
});

describe('a flow of other people', () => {
  it.each([
    ['to another address', '8.8.8.8:53 → 8.8.8.8:53'],
    ['straight to a Pod', '10.244.0.7:5353 → 10.244.0.7:5353'],
    ['to another port of the cluster IP', '10.96.0.10:54 → 10.96.0.10:54'],
    ['to another port of an external IP, such as a tunnel', '203.0.113.10:4789 → 203.0.113.10:4789'],
    ['to the node port number of a host elsewhere', '192.0.2.9:30053 → 192.0.2.9:30053'],
    ['to the node port number of a Pod', '10.244.0.7:30053 → 10.244.0.7:30053'],
    ['to a host port that is no node port', '192.0.2.1:8472 → 192.0.2.1:8472'],
  ])('%s is never touched', (_, text) => {
    expect(isStale(text, dns([endpoint(5)]))).toBe(false);
    expect(isStale(text, dns([]))).toBe(false);
  });

  it('to a TCP Service is none', () => {
    expect(isStale('10.96.0.10:53 → 10.244.0.7:5353', dns([], { protocol: 'tcp' }))).toBe(false);
  });

  it('to a destination that an older Service has is judged by that one', () => {
    const older = dns([endpoint(5)]);
    const younger = dns([endpoint(6)], {
      clusterIP: undefined,
      externalIPs: [],
      loadBalancerIPs: [],
      nodePort: 0,
    });
    expect(isStale('10.96.0.10:53 → 10.244.0.5:5353', older, younger)).toBe(false);
    expect(isStale('10.96.0.10:53 → 10.244.0.6:5353', older, younger)).toBe(true);
  });

  it('in another zone is left alone until something translated it', () => {
    const now = destinations(dns([endpoint(5)]));
    expect(staleFlows(flow('10.96.0.10:53 → 10.96.0.10:53', 7), now)).toBeUndefined();
    expect(staleFlows(flow('10.96.0.10:53 → 10.244.0.7:5353', 7), now)?.zone).toBe(7);
    const none = destinations(dns([]));
    expect(staleFlows(flow('10.96.0.10:53 → 10.244.0.7:5353', 7), none)).toHaveProperty('replySource');
  });
});

describe('a node port', () => {
  const at = (text: string, settings: Partial<ProxySettings>) =>
    staleFlows(flow(text), udpDestinations([dns([])], NODE, { ...SETTINGS, ...settings })) !== undefined;

  it('is one on the addresses that nodePortAddresses names', () => {
    const settings = { nodePortAddresses: ['192.0.2.0/24' as const] } as unknown as Partial<ProxySettings>;
    expect(at('192.0.2.1:30053 → 10.244.0.5:5353', settings)).toBe(true);
    expect(at('10.244.0.1:30053 → 10.244.0.5:5353', settings)).toBe(false);
  });

  it('is one on loopback addresses where they answer', () => {
    for (const loopback of ['127.0.0.1', '127.1.2.3']) {
      expect(at(`${loopback}:30053 → 10.244.0.5:5353`, { localhostNodePorts: true })).toBe(true);
      expect(at(`${loopback}:30053 → 10.244.0.5:5353`, { localhostNodePorts: false })).toBe(false);
    }
  });

  it('gives way to an external IP with that port', () => {
    const external = dns([endpoint(6)], { port: 30053, nodePort: 0, externalIPs: [NODE.nodeIP] });
    expect(isStale('192.0.2.1:30053 → 10.244.0.6:5353', external, dns([endpoint(5)]))).toBe(false);
    expect(isStale('10.244.0.1:30053 → 10.244.0.6:5353', external, dns([endpoint(5)]))).toBe(true);
  });
});

describe('a destination that has departed', () => {
  const before = destinations(dns([endpoint(5)]));
  const deleted = udpDestinations([], NODE, SETTINGS, before);

  it.each(DESTINATIONS)('takes along the flows to %s that went to its endpoints', (destination) => {
    expect(staleFlows(flow(`${destination} → 10.244.0.5:5353`), deleted)).toBeDefined();
  });

  it.each(DESTINATIONS)('leaves alone what else goes to %s', (destination) => {
    expect(staleFlows(flow(`${destination} → ${destination}`), deleted)).toBeUndefined();
    expect(staleFlows(flow(`${destination} → 10.244.0.9:53`), deleted)).toBeUndefined();
  });

  it('may be one of several of a Service that stays', () => {
    const moved = udpDestinations([dns([endpoint(5)], { externalIPs: [] })], NODE, SETTINGS, before);
    expect(staleFlows(flow('203.0.113.10:53 → 10.244.0.5:5353'), moved)).toBeDefined();
    expect(staleFlows(flow('10.96.0.10:53 → 10.244.0.5:5353'), moved)).toBeUndefined();
  });

  it('is remembered until its flows were dealt with', () => {
    const later = udpDestinations([], NODE, SETTINGS, deleted);
    expect(staleFlows(flow('10.96.0.10:53 → 10.244.0.5:5353'), later)).toBeDefined();
    expect(staleFlows(flow('10.96.0.10:53 → 10.244.0.5:5353'), withoutDeparted(later))).toBeUndefined();
  });

  it('is judged anew when it comes back', () => {
    const back = udpDestinations([dns([endpoint(5)])], NODE, SETTINGS, deleted);
    expect(staleFlows(flow('10.96.0.10:53 → 10.244.0.5:5353'), back)).toBeUndefined();
    expect(staleFlows(flow('10.96.0.10:53 → 10.96.0.10:53'), back)).toBeDefined();
  });
});

describe('what was selected', () => {
  it.each(['10.244.0.5:5353', '10.96.0.10:53'])('is still stale while nothing changes (%s)', (answer) => {
    for (const now of [destinations(dns([])), destinations(dns([endpoint(6)]))]) {
      const selector = staleFlows(flow(`10.96.0.10:53 → ${answer}`), now);
      expect(selector && isStillStale(selector, now)).toBe(true);
    }
  });

  it('is stale no more when the endpoint serves again', () => {
    const selector = staleFlows(flow('10.96.0.10:53 → 10.244.0.5:5353'), destinations(dns([endpoint(6)])));
    expect(selector && isStillStale(selector, destinations(dns([endpoint(5), endpoint(6)])))).toBe(false);
  });

  it('without regard to the endpoint is stale no more when there is one', () => {
    const selector = staleFlows(flow('10.96.0.10:53 → 10.244.0.5:5353'), destinations(dns([])));
    expect(selector && isStillStale(selector, destinations(dns([endpoint(6)])))).toBe(false);
  });
});

function destinations(...servicePorts: readonly ServicePort[]): UdpDestinations {
  return udpDestinations(servicePorts, NODE, SETTINGS);
}

function isStale(text: string, ...servicePorts: readonly ServicePort[]): boolean {
  return staleFlows(flow(text), destinations(...servicePorts)) !== undefined;
}
