import { describe, it } from 'vitest';
import type { PodView } from '../../../src/cli/doctor/cluster/pod-view.ts';
import type { ServiceView, SliceView } from '../../../src/cli/doctor/cluster/views.ts';
import { endpointsReady, selectorMatches } from '../../../src/cli/doctor/service/endpoints.ts';
import { exists, typeExplained } from '../../../src/cli/doctor/service/identity.ts';
import { portsMatch } from '../../../src/cli/doctor/service/ports.ts';
import { type Case, expectResult } from './outcome.ts';
import { podView, serviceView, sliceView } from './views.ts';

describe('a Service that', () => {
  const target = { namespace: 'default', name: 'web' };
  it.each<Case>([
    ['is there', () => exists(target, serviceView(), []), 'ok', 'default/web, type ClusterIP'],
    [
      'is misspelt',
      () => exists({ ...target, name: 'wbe-shop' }, undefined, ['default/web-shop', 'default/db']),
      'failed',
      'there is no Service wbe-shop in namespace default, but one is called web-shop',
    ],
    [
      'is in another namespace',
      () => exists(target, undefined, ['prod/web', 'default/database']),
      'failed',
      'there is no Service web in namespace default, but there is one in namespace prod',
    ],
    [
      'is nowhere',
      () => exists(target, undefined, ['default/database']),
      'failed',
      'there is no Service web in namespace default; that namespace has database',
    ],
    [
      'is nowhere, like all others',
      () => exists(target, undefined, []),
      'failed',
      'there is no Service web in namespace default; that namespace has no Service',
    ],
  ])('%s', expectResult);
});

describe('the type of a Service that is', () => {
  const of = (spec: object, more: object = {}) => typeExplained(serviceView(spec, more));
  it.each<Case>([
    [
      'a NodePort',
      () => of({ type: 'NodePort', ports: [{ name: 'http', port: 80, targetPort: 'web', nodePort: 30080 }] }),
      'ok',
      'NodePort at 10.96.0.10, http 80/TCP to web, node port 30080',
    ],
    [
      'headless',
      () => of({ clusterIP: 'None' }),
      'ok',
      "headless: DNS answers with the Pods' own addresses; there is nothing to program, ports do not count",
    ],
    [
      'an ExternalName',
      () => of({ type: 'ExternalName', externalName: 'db.example.com', clusterIP: '' }),
      'ok',
      'ExternalName: DNS answers with the name db.example.com; there is nothing to program, ports do not count',
    ],
    [
      'an ExternalName of an address',
      () => of({ type: 'ExternalName', externalName: '192.0.2.1' }),
      'failed',
      'externalName is the address 192.0.2.1, which DNS takes for a host name',
    ],
    [
      "another proxy's",
      () =>
        of({}, { metadata: { name: 'web', labels: { 'service.kubernetes.io/service-proxy-name': 'x' } } }),
      'warning',
      'label service.kubernetes.io/service-proxy-name gives it to x: nobody else programs it',
    ],
    [
      'a LoadBalancer without one',
      () => of({ type: 'LoadBalancer' }),
      'warning',
      'LoadBalancer at 10.96.0.10, 80/TCP to 8080; its load balancer has no address yet',
    ],
    [
      'a LoadBalancer',
      () => of({ type: 'LoadBalancer' }, { status: { loadBalancer: { ingress: [{ ip: '192.0.2.9' }] } } }),
      'ok',
      'LoadBalancer at 10.96.0.10, 80/TCP to 8080, load balancer 192.0.2.9',
    ],
    ['without a cluster IP', () => of({ clusterIP: undefined }), 'failed', 'it has no cluster IP'],
  ])('%s', expectResult);
});

const backing = (
  slices: readonly SliceView[],
  pods?: readonly PodView[],
  view: ServiceView = serviceView(),
) => ({ view, slices, pods });

describe('a selector', () => {
  it.each<Case>([
    [
      'that matches',
      () => selectorMatches(backing([], [podView('web-1')])),
      'ok',
      'selector app=web matches 1 Pod: web-1',
    ],
    [
      'that matches nothing, while others are near',
      () => selectorMatches(backing([], []), [{ app: 'web2' }, { app: 'web2' }, { app: 'database' }]),
      'failed',
      'selector app=web matches no Pod in namespace default; 2 Pods there have app=web2',
    ],
    [
      'of a label that nobody has',
      () => selectorMatches(backing([], []), [{ name: 'web' }]),
      'failed',
      'selector app=web matches no Pod in namespace default; none there has a label app',
    ],
    [
      'in a namespace without Pods',
      () => selectorMatches(backing([], [])),
      'failed',
      'selector app=web matches no Pod in namespace default, which has none at all',
    ],
    [
      'whose Pods may not be read, with endpoints',
      () => selectorMatches(backing([sliceView([{ address: '10.244.0.5' }])])),
      'ok',
      'selector app=web has led to 1 endpoint',
    ],
    [
      'whose Pods may not be read, without endpoints',
      () => selectorMatches(backing([])),
      'skipped',
      'Pods cannot be read, and selector app=web has led to no endpoint',
    ],
    [
      'that there is none, and endpoints are there all the same',
      () =>
        selectorMatches(
          backing([sliceView([{ address: '192.0.2.1' }])], undefined, serviceView({ selector: {} })),
        ),
      'ok',
      "no selector: 1 endpoint of somebody else's making",
    ],
    [
      'that there is none, nor endpoints',
      () => selectorMatches(backing([], undefined, serviceView({ selector: null }))),
      'failed',
      'no selector, and no EndpointSlice that somebody made for it',
    ],
  ])('%s', expectResult);
});

describe('endpoints', () => {
  const a = { address: '10.244.0.5', pod: 'web-1' };
  const b = { address: '10.244.0.6', pod: 'web-2' };
  const crash = podView('web-2', { ready: false, trouble: 'container main waits: CrashLoopBackOff' });
  it.each<Case>([
    [
      'all ready',
      () => endpointsReady(backing([sliceView([a, b])])),
      'ok',
      '2 of 2 endpoints ready: 10.244.0.5, 10.244.0.6',
    ],
    [
      'in two slices for a while',
      () => endpointsReady(backing([sliceView([{ ...a, ready: false }]), sliceView([a])])),
      'ok',
      '1 of 1 endpoint ready: 10.244.0.5',
    ],
    [
      'some not ready, with the reason',
      () => endpointsReady(backing([sliceView([a, { ...b, ready: false }])], [crash])),
      'warning',
      '1 of 2 endpoints ready; not ready: 10.244.0.6 (Pod web-2: container main waits: CrashLoopBackOff)',
    ],
    [
      'none ready, and Pods may not be read',
      () => endpointsReady(backing([sliceView([{ ...b, ready: false }])])),
      'failed',
      '0 of 1 endpoint ready; not ready: 10.244.0.6 (Pod web-2)',
    ],
    [
      'all leaving, and serving still',
      () => endpointsReady(backing([sliceView([{ ...b, ready: false, serving: true, terminating: true }])])),
      'warning',
      '0 of 1 endpoint ready; not ready: 10.244.0.6 (Pod web-2: it is being deleted); those that still serve while they end get the traffic',
    ],
    [
      'one leaving is no trouble',
      () => endpointsReady(backing([sliceView([a, { ...b, ready: false, terminating: true }])])),
      'ok',
      '1 of 2 endpoints ready; not ready: 10.244.0.6 (Pod web-2: it is being deleted)',
    ],
    ['none', () => endpointsReady(backing([])), 'failed', 'no endpoints: connections are refused'],
    [
      'none as no Pod is selected',
      () => endpointsReady(backing([], [])),
      'skipped',
      'the selector matches no Pod',
    ],
    [
      'none though Pods match',
      () => endpointsReady(backing([], [podView('web-1')])),
      'failed',
      'no endpoints although 1 Pod matches',
    ],
    [
      'none as the Pod has no address yet',
      () => endpointsReady(backing([], [{ ...crash, trouble: 'not scheduled: Unschedulable' }])),
      'failed',
      'no endpoints; Pod web-2: not scheduled: Unschedulable',
    ],
  ])('%s', expectResult);
});

describe('ports', () => {
  const a = { address: '10.244.0.5' };
  const b = { address: '10.244.0.6' };
  const named = (targetPort: string | number) =>
    serviceView({ ports: [{ name: 'http', port: 80, targetPort }] });
  const http = [{ name: 'http', protocol: 'TCP', port: 8080 }];
  it.each<Case>([
    ['that match', () => portsMatch(backing([sliceView([a])])), 'ok', '80/TCP to 8080'],
    [
      'with a name that Pods do not know',
      () => portsMatch(backing([sliceView([a], [])], [podView('web-1')], named('htpp'))),
      'failed',
      'port http 80/TCP leads nowhere: no Pod has a container port named htpp (they have http)',
    ],
    [
      'with a name that some Pods do not know',
      () =>
        portsMatch(backing([sliceView([a], http), sliceView([b], [])], [podView('web-1')], named('http'))),
      'warning',
      'port http 80/TCP leads to 1 of 2 endpoints: no Pod has a container port named http (they have http)',
    ],
    [
      'of another protocol',
      () => portsMatch(backing([sliceView([a], [{ name: '', protocol: 'UDP', port: 8080 }])])),
      'failed',
      'port 80/TCP leads nowhere: the EndpointSlices have it as UDP, the Service as TCP',
    ],
    [
      'of another name, in a slice that somebody wrote',
      () => portsMatch(backing([sliceView([a], http)])),
      'failed',
      'port 80/TCP leads nowhere: the EndpointSlices have no such port: a port without a name is wanted, http 8080/TCP is there',
    ],
    [
      'that containers do not declare',
      () =>
        portsMatch(
          backing(
            [sliceView([a], [{ name: '', protocol: 'TCP', port: 9090 }])],
            [podView('web-1')],
            serviceView({ ports: [{ port: 80, targetPort: 9090 }] }),
          ),
        ),
      'warning',
      'targetPort 9090/TCP is none that containers declare (8080)',
    ],
    ['without endpoints', () => portsMatch(backing([])), 'skipped', 'no endpoints to compare with'],
  ])('%s', expectResult);
});
