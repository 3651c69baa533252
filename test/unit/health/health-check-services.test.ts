import { describe, expect, it } from 'vitest';
import type { Address, Endpoint, Family, ServicePort, ServicePortKey } from '../../../rules/model.ts';
import type { NodePortScope } from '../../../rules/node-ports.ts';
import { healthCheckHosts } from '../../../src/health/health-check-hosts.ts';
import { HealthCheckServices } from '../../../src/health/health-check-services.ts';

function endpoint(address: string, changes: Partial<Endpoint> = {}): Endpoint {
  return {
    address: address as Address,
    port: 80,
    local: true,
    ready: true,
    serving: true,
    terminating: false,
    nodeName: undefined,
    zoneHints: [],
    nodeHints: [],
    ...changes,
  };
}

function update(
  services: HealthCheckServices,
  portName: string,
  endpoints: readonly Endpoint[],
  { family = 'ipv4' as Family, port = 32000 } = {},
): void {
  const key = `demo/web:${portName}/tcp` as ServicePortKey;
  const servicePort = {
    key,
    namespace: 'demo',
    service: 'web',
    family,
    healthCheckNodePort: port,
    endpoints,
  } as unknown as ServicePort;
  services.update(family, key, servicePort);
}

describe('HealthCheckServices', () => {
  it('counts ready endpoints on this node, a Pod behind two ports once', () => {
    const services = new HealthCheckServices();
    const away = endpoint('10.0.1.1', { local: false });
    const unready = endpoint('10.0.0.3', { ready: false });
    update(services, 'http', [endpoint('10.0.0.1'), endpoint('10.0.0.2'), away, unready]);
    update(services, 'https', [endpoint('10.0.0.1', { port: 443 })]);
    expect([...services.services]).toEqual([['demo/web', { port: 32000, localReadyEndpoints: 2 }]]);
  });

  it('counts a Pod with an address of each family once', () => {
    const services = new HealthCheckServices();
    update(services, 'http', [endpoint('10.0.0.1')]);
    update(services, 'http', [endpoint('fd00::1'), endpoint('fd00::2')], { family: 'ipv6' });
    expect(services.services.get('demo/web')?.localReadyEndpoints).toBe(2);
  });

  it('forgets what is gone, and what has no such port any more', () => {
    const services = new HealthCheckServices();
    update(services, 'http', []);
    expect(services.services.get('demo/web')).toEqual({ port: 32000, localReadyEndpoints: 0 });
    update(services, 'http', [], { port: 0 });
    expect(services.services.size).toBe(0);
    update(services, 'http', []);
    services.update('ipv4', 'demo/web:http/tcp' as ServicePortKey, undefined);
    expect(services.services.size).toBe(0);
  });
});

describe('healthCheckHosts', () => {
  const all: NodePortScope = { kind: 'all', localhost: false };
  const some = (...addresses: string[]): NodePortScope => {
    return { kind: 'some', localhost: false, addresses: addresses as Address[] };
  };
  it.each([
    ['all of both families', { ipv4: all, ipv6: all }, ['']],
    ['all of the only family', { ipv4: all }, ['']],
    [
      'the addresses of both',
      { ipv4: some('10.0.0.9', '10.0.0.1'), ipv6: some('fd00::1') },
      ['10.0.0.1', '10.0.0.9', 'fd00::1'],
    ],
    ['all of one and some of the other', { ipv4: all, ipv6: some('fd00::1') }, ['0.0.0.0', 'fd00::1']],
    ['none that there is', { ipv4: some() }, []],
  ])('listens on %s', (_, scopes, hosts) => {
    expect(healthCheckHosts(scopes)).toEqual(hosts);
  });
});
