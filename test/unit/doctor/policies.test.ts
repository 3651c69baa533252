import { describe, expect, it } from 'vitest';
import type { Endpoint, ServicePort } from '../../../rules/model.ts';
import { type Attempt, answersOf } from '../../../src/cli/doctor/service/answers.ts';
import {
  type DnsAnswers,
  type DnsExpectation,
  dnsAnswers,
  dnsServer,
} from '../../../src/cli/doctor/service/dns.ts';
import { localEndpoints, serviceOf, unclashed } from '../../../src/cli/doctor/service/policies.ts';
import type { LostClaim } from '../../../src/tracker/claims.ts';
import { endpoint, servicePort } from '../rules/model-parts.ts';
import { type Case, expectResult } from './outcome.ts';

const place = { nodeName: 'node-1', zone: '' };
const here = endpoint('10.244.0.5', { local: true, nodeName: 'node-1' });
const there = endpoint('10.244.1.5', { local: false, nodeName: 'node-2' });
const port = (more: Partial<ServicePort>, ...endpoints: readonly Endpoint[]) =>
  servicePort({ endpoints, ...more });

describe('a Local policy', () => {
  const internal = { internalPolicyLocal: true };
  const external = { externalPolicyLocal: true, nodePort: 30080 };
  it.each<Case>([
    [
      'that there is none',
      () => localEndpoints([port({}, there)], place, 'iptables'),
      'skipped',
      'no policy of it is Local',
    ],
    [
      'inside, with an endpoint here',
      () => localEndpoints([port(internal, here, there)], place, 'iptables'),
      'ok',
      '1 endpoint on this node: 10.244.0.5',
    ],
    [
      'inside, with none here',
      () => localEndpoints([port(internal, there)], place, 'iptables'),
      'failed',
      /^internalTrafficPolicy: Local .* is dropped; endpoints are on node-2$/,
    ],
    [
      'outside, with none here',
      () => localEndpoints([port(external, there)], place, 'nftables'),
      'failed',
      /^externalTrafficPolicy: Local .* endpoints are on node-2$/,
    ],
    [
      'outside, with a load balancer that asks',
      () => localEndpoints([port({ ...external, healthCheckNodePort: 31000 }, there)], place, 'iptables'),
      'warning',
      /^externalTrafficPolicy: Local/,
    ],
    [
      'outside, in ipvs mode',
      () => localEndpoints([port(external, there)], place, 'ipvs'),
      'ok',
      /ipvs mode sends to those elsewhere/,
    ],
    [
      'inside, in ipvs mode',
      () => localEndpoints([port(internal, there)], place, 'ipvs'),
      'failed',
      /^internalTrafficPolicy/,
    ],
    [
      'without endpoints anywhere',
      () => localEndpoints([port(internal)], place, 'iptables'),
      'skipped',
      'no endpoints anywhere',
    ],
    [
      'outside, that nobody reaches from there',
      () => localEndpoints([port({ externalPolicyLocal: true }, there)], place, 'iptables'),
      'skipped',
      'no policy of it is Local',
    ],
  ])('%s', expectResult);
});

describe('addresses', () => {
  const lost = (loser: string, winner: string): LostClaim =>
    ({ loser, winner, what: 'node port 30080/tcp' }) as LostClaim;
  const both = [lost('default/web:http/tcp', 'shop/old/tcp')];
  it.each<Case>([
    ['of one Service each', () => unclashed([], 'default/web'), 'ok', 'no address and port is claimed twice'],
    [
      'of the loser',
      () => unclashed(both, 'default/web'),
      'failed',
      'node port 30080/tcp goes to shop/old/tcp, which is older: default/web:http/tcp does not get it',
    ],
    [
      'of the winner',
      () => unclashed(both, 'shop/old'),
      'warning',
      /and default\/web:http\/tcp, which is younger, wants it too/,
    ],
    ['of others', () => unclashed(both, 'default/other'), 'ok', 'no address and port is claimed twice'],
    ['of all', () => unclashed(both, undefined), 'failed', /^node port/],
  ])('%s', expectResult);

  it('know their Service by the ServicePort', () => {
    expect(serviceOf('default/web:http/tcp')).toBe('default/web');
    expect(serviceOf('default/web/udp')).toBe('default/web');
  });
});

describe('DNS that says', () => {
  const service: DnsExpectation = {
    kind: 'service',
    values: ['10.96.0.10'],
    dnsService: 'kube-system/kube-dns',
  };
  const says =
    (found: readonly string[], error?: string, expected = service) =>
    () =>
      dnsAnswers(
        { server: '10.96.0.53', name: 'web.default.svc.cluster.local', found, error } satisfies DnsAnswers,
        expected,
      );
  const headless: DnsExpectation = { ...service, kind: 'headless', values: ['10.244.0.5', '10.244.0.6'] };
  const external: DnsExpectation = { ...service, kind: 'external', values: ['db.example.com'] };
  it.each<Case>([
    [
      'the cluster IP',
      says(['10.96.0.10']),
      'ok',
      'web.default.svc.cluster.local is 10.96.0.10, says 10.96.0.53',
    ],
    [
      'one of two cluster IPs',
      says(['10.96.0.10'], undefined, { ...service, values: ['10.96.0.10', 'fd00::10'] }),
      'ok',
      /and not fd00::10/,
    ],
    [
      'another address',
      says(['10.96.0.99']),
      'failed',
      '10.96.0.53 says that web.default.svc.cluster.local is 10.96.0.99, but the cluster IP is 10.96.0.10',
    ],
    [
      'that there is no such name',
      says([], 'ENOTFOUND'),
      'failed',
      '10.96.0.53 does not know web.default.svc.cluster.local',
    ],
    ['nothing', says([], 'ETIMEOUT'), 'failed', '10.96.0.53 does not answer (ETIMEOUT)'],
    ['that it will not', says([], 'EREFUSED'), 'failed', /refuses to answer/],
    [
      'addresses of endpoints',
      says(['10.244.0.6'], undefined, headless),
      'ok',
      'web.default.svc.cluster.local has 1 address',
    ],
    [
      'addresses of none of the endpoints',
      says(['10.244.9.9'], undefined, headless),
      'failed',
      /where the endpoints are 10.244.0.5, 10.244.0.6/,
    ],
    [
      'nothing of a headless Service without endpoints',
      says([], 'ENOTFOUND', { ...headless, values: [] }),
      'ok',
      /as it has no ready endpoint/,
    ],
    [
      'the external name',
      says(['DB.example.com.'], undefined, external),
      'ok',
      'web.default.svc.cluster.local is db.example.com',
    ],
    [
      'another external name',
      says(['old.example.com'], undefined, external),
      'failed',
      /is old.example.com, not db.example.com/,
    ],
  ])('%s', expectResult);

  it('is asked where it is said to be, else at its Service', () => {
    const services = new Map([['kube-system/kube-dns', { clusterIPs: ['10.96.0.53'] }]]);
    expect(dnsServer('', services)).toEqual({ server: '10.96.0.53', service: 'kube-system/kube-dns' });
    expect(dnsServer('169.254.20.10', services)).toEqual({ server: '169.254.20.10', service: undefined });
    expect(() => dnsServer('', new Map())).toThrow(/--dns-address/);
  });
});

describe('connections', () => {
  const end = (outcome: Attempt['outcome'], local = true): Attempt => ({
    what: 'endpoint',
    target: '10.244.0.5:80',
    local,
    outcome,
  });
  const front = (outcome: Attempt['outcome']): Attempt => ({
    what: 'cluster IP',
    target: '10.96.0.10:80',
    local: false,
    outcome,
  });
  it.each<Case>([
    [
      'that are taken',
      () => answersOf([end('connected'), front('connected')]),
      'ok',
      '10.244.0.5:80, 10.96.0.10:80 take connections from this node',
    ],
    [
      'that are refused',
      () => answersOf([end('ECONNREFUSED'), front('ECONNREFUSED')]),
      'failed',
      '1 of 1 endpoint refuses connections (10.244.0.5:80): nothing listens there',
    ],
    [
      'that nobody answers',
      () => answersOf([end('timeout', false)]),
      'failed',
      '1 of 1 endpoint does not answer (10.244.0.5:80)',
    ],
    ['without a way', () => answersOf([end('EHOSTUNREACH')]), 'failed', /cannot be reached \(EHOSTUNREACH\)/],
    [
      'that only endpoints take',
      () => answersOf([end('connected'), front('timeout')]),
      'failed',
      'the endpoints answer, but the cluster IP 10.96.0.10:80 does not (timeout)',
    ],
    ['without endpoints', () => answersOf([]), 'skipped', 'no ready endpoint to connect to'],
  ])('%s', expectResult);
});
