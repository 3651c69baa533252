import type { Kind } from './source.ts';

/** A kind as the API serves it, and which of its objects matter to a node. */
export interface Resource {
  readonly kind: Kind;
  readonly path: string;
  readonly group: string;
  readonly plural: string;
  /** labelSelector and fieldSelector. */
  readonly selection: Readonly<Record<string, string>>;
  /** Where the server does not have it or does not give it, the node goes on without. */
  readonly optional: boolean;
}

/**
 * What a node follows, selected by the server as for kube-proxy.
 * @param serviceCIDRs whether ServiceCIDRs are wanted: only the nftables mode has a use for them
 */
export function clusterResources(nodeName: string, serviceCIDRs: boolean): readonly Resource[] {
  const resources: Resource[] = [
    {
      kind: 'Service',
      path: '/api/v1/services',
      group: '',
      plural: 'services',
      selection: {
        labelSelector: '!service.kubernetes.io/service-proxy-name',
        fieldSelector: 'spec.clusterIP!=None',
      },
      optional: false,
    },
    {
      kind: 'EndpointSlice',
      path: '/apis/discovery.k8s.io/v1/endpointslices',
      group: 'discovery.k8s.io',
      plural: 'endpointslices',
      selection: { labelSelector: '!service.kubernetes.io/headless' },
      optional: false,
    },
    {
      kind: 'Node',
      path: '/api/v1/nodes',
      group: '',
      plural: 'nodes',
      selection: { fieldSelector: `metadata.name=${nodeName}` },
      optional: false,
    },
  ];
  if (serviceCIDRs) {
    resources.push({
      kind: 'ServiceCIDR',
      path: '/apis/networking.k8s.io/v1/servicecidrs',
      group: 'networking.k8s.io',
      plural: 'servicecidrs',
      selection: {},
      optional: true,
    });
  }
  return resources;
}
