import type { PodView } from '../../../src/cli/doctor/cluster/pod-view.ts';
import { type ServiceView, type SliceView, viewService } from '../../../src/cli/doctor/cluster/views.ts';

/** What checks see of Service default/web, with a spec of one's own. */
export function serviceView(spec: object = {}, more: object = {}): ServiceView {
  const view = viewService({
    metadata: { name: 'web', namespace: 'default' },
    spec: {
      clusterIP: '10.96.0.10',
      selector: { app: 'web' },
      ports: [{ port: 80, targetPort: 8080 }],
      ...spec,
    },
    ...more,
  });
  if (!view) throw new Error('no view');
  return view;
}

export interface Entry {
  readonly address: string;
  readonly pod?: string;
  readonly ready?: boolean;
  readonly serving?: boolean;
  readonly terminating?: boolean;
}

/** An EndpointSlice of default/web. */
export function sliceView(
  endpoints: readonly Entry[],
  ports: SliceView['ports'] = [{ name: '', protocol: 'TCP', port: 8080 }],
): SliceView {
  return {
    name: `web-${endpoints[0]?.address}`,
    service: 'default/web',
    ports,
    endpoints: endpoints.map(({ address, pod, ready = true, serving = ready, terminating = false }) => ({
      address,
      ready,
      serving,
      terminating,
      nodeName: 'node-1',
      pod,
    })),
  };
}

export function podView(name: string, more: Partial<PodView> = {}): PodView {
  return {
    name,
    namespace: 'default',
    labels: { app: 'web' },
    ready: true,
    trouble: '',
    command: `kubectl describe pod -n default ${name}`,
    ports: [{ name: 'http', protocol: 'TCP', port: 8080 }],
    ...more,
  };
}
