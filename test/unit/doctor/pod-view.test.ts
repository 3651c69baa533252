import { describe, expect, it } from 'vitest';
import { viewPod } from '../../../src/cli/doctor/cluster/pod-view.ts';

const pod = (status: object, more: { metadata?: object; spec?: object } = {}) =>
  viewPod({
    metadata: { name: 'web-1', namespace: 'shop', labels: { app: 'web' }, ...more.metadata },
    spec: { containers: [{ name: 'main' }], ...more.spec },
    status,
  });
const container = (state: object, more: object = {}) => ({
  containerStatuses: [{ name: 'main', ready: false, state, ...more }],
});

describe('why a Pod is not ready', () => {
  it.each([
    [
      'its image',
      container({ waiting: { reason: 'ImagePullBackOff', message: 'no such image' } }),
      'container main waits: ImagePullBackOff: no such image',
    ],
    [
      'it crashes',
      container({ waiting: { reason: 'CrashLoopBackOff' } }, { restartCount: 7 }),
      'container main waits: CrashLoopBackOff, 7 restarts',
    ],
    [
      'it has ended',
      container({ terminated: { reason: 'OOMKilled', exitCode: 137 } }),
      'container main has ended: OOMKilled (exit code 137)',
    ],
    [
      'its probe',
      container({ running: {} }),
      'container main runs, but its readiness probe does not succeed',
    ],
    [
      'an init container',
      { initContainerStatuses: [{ name: 'setup', ready: false, state: { running: {} } }] },
      'init container setup is still at work',
    ],
    [
      'no node has room',
      {
        conditions: [
          {
            type: 'PodScheduled',
            status: 'False',
            reason: 'Unschedulable',
            message: '0/3 nodes\nare available',
          },
        ],
      },
      'not scheduled: Unschedulable: 0/3 nodes are available',
    ],
    ['nothing is known', { phase: 'Pending' }, 'its phase is Pending'],
  ])('%s', (_, status, trouble) => {
    expect(pod(status)).toMatchObject({ ready: false, trouble });
  });

  it('is that it is leaving', () => {
    expect(pod({}, { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } })?.trouble).toBe(
      'it is being deleted',
    );
  });

  it('is a readiness gate that is closed', () => {
    const status = { containerStatuses: [{ name: 'main', ready: true, state: { running: {} } }] };
    const spec = { readinessGates: [{ conditionType: 'example.com/lb' }] };
    expect(pod(status, { spec })?.trouble).toBe('its readiness gate example.com/lb is not True');
  });

  it('is nothing where it is ready', () => {
    expect(pod({ conditions: [{ type: 'Ready', status: 'True' }] })).toMatchObject({
      ready: true,
      trouble: '',
    });
  });

  it('is in the log of the container before, where it crashes', () => {
    expect(pod(container({ waiting: { reason: 'CrashLoopBackOff' } }))?.command).toBe(
      'kubectl logs -n shop web-1 --previous',
    );
    expect(pod(container({ running: {} }))?.command).toBe('kubectl describe pod -n shop web-1');
  });
});
