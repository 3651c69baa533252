import { describe, expect, it } from 'vitest';
import type { Address, Cidr, Family } from '../../../rules/model.ts';
import type { GroupDifference } from '../../../src/cli/diff/family-difference.ts';
import {
  nodeFound,
  type Permission,
  permitted,
  reachable,
  readable,
  unreachable,
} from '../../../src/cli/doctor/cluster/checks.ts';
import { nodeRules, serviceRules, withUnread } from '../../../src/cli/doctor/node/rules.ts';
import { broken } from '../../../src/cli/doctor/service/every.ts';
import { parseTarget } from '../../../src/cli/doctor/target.ts';
import type { NodeObject } from '../../../src/tracker/node.ts';
import { type Case, expectResult } from './outcome.ts';
import { serviceView } from './views.ts';

describe('the API server', () => {
  it.each<Case>([
    ['answers', () => reachable('10.0.0.1:6443', 200, 'v1.36.2'), 'ok', 'v1.36.2 at 10.0.0.1:6443'],
    [
      'does not tell its version',
      () => reachable('10.0.0.1:6443', 403, 'forbidden'),
      'ok',
      '10.0.0.1:6443 answers',
    ],
    ['refuses credentials', () => reachable('10.0.0.1:6443', 401, ''), 'failed', /401/],
    [
      'is in trouble',
      () => reachable('10.0.0.1:6443', 503, 'etcd'),
      'failed',
      '10.0.0.1:6443 answers 503: etcd',
    ],
    [
      'is away',
      () =>
        unreachable({ code: 'unreachable', message: 'the API server 10.0.0.1:6443 cannot be reached: x' }),
      'failed',
      /cannot be reached/,
    ],
    [
      'is not named',
      () => unreachable({ code: 'config', message: 'kubeconfig x cannot be read' }),
      'failed',
      /cannot be read/,
    ],
  ])('%s', expectResult);
});

describe('permissions', () => {
  const may = (verb: Permission['verb'], plural: string, status = 200, optional = false): Permission => ({
    ...{ verb, plural, status, optional },
    group: plural === 'endpointslices' ? 'discovery.k8s.io' : '',
  });
  it.each<Case>([
    [
      'that suffice',
      () => permitted([may('list', 'services'), may('watch', 'services'), may('list', 'nodes')]),
      'ok',
      'list and watch services and nodes',
    ],
    [
      'that lack verbs',
      () =>
        permitted([
          may('list', 'services'),
          may('watch', 'services', 403),
          may('list', 'endpointslices', 403),
        ]),
      'failed',
      'not allowed: watch services and list endpointslices.discovery.k8s.io',
    ],
    [
      'that lack what is optional',
      () => permitted([may('list', 'services'), may('list', 'servicecidrs', 404, true)]),
      'ok',
      'list and watch services and servicecidrs',
    ],
    [
      'that cannot be told',
      () => permitted([may('list', 'services', 500)]),
      'failed',
      'the API server fails to list services (500)',
    ],
  ])('%s', expectResult);
});

describe('the Node', () => {
  const node: NodeObject = {
    name: 'node-1',
    zone: 'a',
    nodeIPs: ['192.0.2.1' as Address],
    addresses: [],
    podCIDRs: ['10.244.0.0/24' as Cidr],
    taints: [],
    deleting: false,
  };
  it.each<Case>([
    [
      'is there',
      () => nodeFound('node-1', node, []),
      'ok',
      'node-1, 192.0.2.1, Pods in 10.244.0.0/24, zone a',
    ],
    [
      'has another name',
      () => nodeFound('node1', undefined, ['node-1', 'node-20']),
      'failed',
      /^there is no Node node1:/,
    ],
    [
      'has no address',
      () => nodeFound('node-1', { ...node, nodeIPs: [] }, []),
      'failed',
      'Node node-1 has no address yet',
    ],
    ['goes', () => nodeFound('node-1', { ...node, deleting: true }, []), 'warning', /it is being deleted$/],
  ])('%s', expectResult);

  it('is found by its nearest name', () => {
    expect(nodeFound('node1', undefined, ['node-1', 'worker-9']).advice).toMatch(
      /^--hostname-override=node-1 /,
    );
  });
});

describe('objects', () => {
  const problem = {
    object: 'default/web',
    message: 'Service default/web: spec.externalIPs[0] must be an IP address',
  };
  it.each<Case>([
    ['that are well-formed', () => readable([], undefined), 'ok', 'nothing had to be left out'],
    [
      'that are not',
      () => readable([problem, problem], undefined),
      'warning',
      `${problem.message} (and 1 more)`,
    ],
    ['of the Service', () => readable([problem], 'default/web'), 'failed', problem.message],
    [
      'of its slice',
      () => readable([{ ...problem, object: 'default/web-x7k2p' }], 'default/web'),
      'failed',
      problem.message,
    ],
    ['of others', () => readable([problem], 'default/shop'), 'ok', 'nothing of it is left out'],
  ])('%s', expectResult);
});

describe('rules', () => {
  const group = (label: string, more: Partial<GroupDifference> = {}): GroupDifference => ({
    owner: 'ServicePort',
    label,
    state: 'changed',
    objects: [
      { place: '*nat', lines: [{ sign: '+', text: '-A KUBE-SVC-X -j KUBE-SEP-Y' }], note: undefined },
    ],
    ...more,
  });
  const family = (...groups: readonly GroupDifference[]) => [{ family: 'ipv4' as Family, inStep: 3, groups }];
  const base = group('(base)', { owner: 'base', state: 'missing' });
  it.each<Case>([
    [
      'of the Service as they should be',
      () => serviceRules(family(group('default/shop/tcp')), 'default/web'),
      'ok',
      'as they should be, ipv4',
    ],
    [
      'of the Service that differ',
      () => serviceRules(family(group('default/web:http/tcp')), 'default/web'),
      'failed',
      '1 ServicePort not as programmed: default/web:http/tcp is changed: *nat lacks "-A KUBE-SVC-X -j KUBE-SEP-Y" (ipv4)',
    ],
    ['of all as they should be', () => nodeRules(family()), 'ok', 'as they should be, of 3 ServicePorts'],
    [
      'of all that differ',
      () => nodeRules(family(base, group('default/web/tcp'))),
      'failed',
      /^not as programmed: what all Services share is missing: .*, default\/web\/tcp is changed/,
    ],
    [
      'of unknown origin',
      () => nodeRules(family(group('', { owner: 'unknown', state: 'extra' }))),
      'warning',
      /unknown origin/,
    ],
    [
      'of a family that cannot be read',
      () => withUnread(nodeRules(family()), [{ family: 'ipv6', reason: 'nft does not get it listed' }]),
      'warning',
      'IPv6 cannot be compared: nft does not get it listed',
    ],
  ])('%s', expectResult);
});

describe('all Services', () => {
  const view = (name: string) => serviceView({}, { metadata: { name, namespace: 'default' } });
  const bad = { status: 'failed', evidence: 'no', advice: 'x' } as const;
  const doubtful = { status: 'warning', evidence: 'hm', advice: 'x' } as const;
  it.each<Case>([
    [
      'well',
      () => broken([[view('a'), { status: 'ok', evidence: '' }]], 'all well'),
      'ok',
      'all well (1 Service)',
    ],
    [
      'some broken, the worst first',
      () =>
        broken(
          [
            [view('a'), doubtful],
            [view('b'), bad],
          ],
          '',
        ),
      'failed',
      '2 of 2 Services: default/b: no; default/a: hm',
    ],
    [
      'some doubtful',
      () =>
        broken(
          [
            [view('a'), doubtful],
            [view('b'), undefined],
          ],
          '',
        ),
      'warning',
      '1 of 2 Services: default/a: hm',
    ],
    [
      'many broken',
      () =>
        broken(
          ['a', 'b', 'c', 'd', 'e'].map((name) => [view(name), bad]),
          '',
        ),
      'failed',
      /; and 2 more$/,
    ],
  ])('%s', expectResult);
});

describe('the operand', () => {
  it.each(['svc/default/web', 'service/default/web', 'default/web'])('%s names a Service', (text) => {
    expect(parseTarget([text])).toEqual({ namespace: 'default', name: 'web' });
  });
  it.each([['web'], ['a/b/c'], ['default/Web'], ['default/web', 'default/shop'], ['']])(
    '%s names none',
    (...words) => {
      expect(() => parseTarget(words)).toThrow(expect.objectContaining({ exitCode: 2 }));
    },
  );
});
