import { asCoreV1, asEventsV1 } from './events-view.ts';
import { asArray, asString, type JsonObject, valueAt } from './json.ts';

/** One resource as one group and version of the API serves it. */
export interface Resource {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly namespaced: boolean;
  /** Name of the table that holds the objects; two API groups can show the same objects. */
  readonly table: string;
  /** What a field selector can select by, besides metadata.name and metadata.namespace. */
  readonly fields: (object: JsonObject) => Record<string, string>;
  /** What the real server prints besides the metadata in a BOOKMARK: an empty object of the kind. */
  readonly empty: JsonObject;
  /** True where the real server counts metadata.generation. */
  readonly generation: boolean;
  readonly storageVersionHash?: string;
  /** Between what is stored and what this group and version shows; absent where they are the same. */
  readonly view?: {
    readonly show: (stored: JsonObject) => JsonObject;
    readonly store: (shown: JsonObject) => JsonObject;
  };
}

/** `v1`, `discovery.k8s.io/v1`. */
export function apiVersionOf(resource: Resource): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}

/** `services`, `endpointslices.discovery.k8s.io`: how messages and authorisation name a resource. */
export function groupResourceOf(resource: Resource): string {
  return resource.group === '' ? resource.plural : `${resource.plural}.${resource.group}`;
}

/** All resources that the server knows. */
export const RESOURCES: readonly Resource[] = [
  resource('', 'Service', 'services', {
    shortNames: ['svc'],
    fields: (object) => ({
      'spec.clusterIP': asString(valueAt(object, 'spec', 'clusterIP')) ?? '',
      'spec.type': asString(valueAt(object, 'spec', 'type')) ?? '',
    }),
    empty: { spec: {}, status: { loadBalancer: {} } },
  }),
  resource('', 'Endpoints', 'endpoints', { singular: 'endpoints', shortNames: ['ep'] }),
  resource('', 'Node', 'nodes', {
    shortNames: ['no'],
    namespaced: false,
    fields: (object) => ({ 'spec.unschedulable': String(valueAt(object, 'spec', 'unschedulable') === true) }),
    empty: {
      spec: {},
      status: {
        daemonEndpoints: { kubeletEndpoint: { Port: 0 } },
        nodeInfo: {
          machineID: '',
          systemUUID: '',
          bootID: '',
          kernelVersion: '',
          osImage: '',
          containerRuntimeVersion: '',
          kubeletVersion: '',
          kubeProxyVersion: '',
          operatingSystem: '',
          architecture: '',
        },
      },
    },
  }),
  resource('', 'Pod', 'pods', {
    shortNames: ['po'],
    fields: podFields,
    empty: { spec: { containers: null }, status: {} },
  }),
  resource('', 'Namespace', 'namespaces', {
    shortNames: ['ns'],
    namespaced: false,
    fields: (object) => ({ 'status.phase': asString(valueAt(object, 'status', 'phase')) ?? '' }),
    empty: { spec: {}, status: {} },
  }),
  resource('', 'Event', 'events', {
    shortNames: ['ev'],
    table: 'events',
    fields: eventFields,
    empty: {
      involvedObject: {},
      source: {},
      firstTimestamp: null,
      lastTimestamp: null,
      eventTime: null,
      reportingComponent: '',
      reportingInstance: '',
    },
    view: { show: asCoreV1, store: asEventsV1 },
  }),
  resource('discovery.k8s.io', 'EndpointSlice', 'endpointslices', {
    empty: { addressType: '', endpoints: null, ports: null },
    generation: true,
    storageVersionHash: 'qgS0xkrxYAI=',
  }),
  resource('networking.k8s.io', 'ServiceCIDR', 'servicecidrs', {
    namespaced: false,
    empty: { spec: {}, status: {} },
  }),
  resource('events.k8s.io', 'Event', 'events', {
    shortNames: ['ev'],
    table: 'events',
    fields: eventFields,
    empty: {
      eventTime: null,
      regarding: {},
      deprecatedSource: {},
      deprecatedFirstTimestamp: null,
      deprecatedLastTimestamp: null,
    },
  }),
];

function resource(group: string, kind: string, plural: string, rest: Partial<Resource>): Resource {
  return {
    group,
    version: 'v1',
    kind,
    plural,
    singular: kind.toLowerCase(),
    shortNames: [],
    namespaced: true,
    table: plural,
    fields: () => ({}),
    empty: {},
    generation: false,
    ...rest,
  };
}

function podFields(object: JsonObject): Record<string, string> {
  const podIPs = asArray(valueAt(object, 'status', 'podIPs')) ?? [];
  return {
    'spec.nodeName': asString(valueAt(object, 'spec', 'nodeName')) ?? '',
    'spec.restartPolicy': asString(valueAt(object, 'spec', 'restartPolicy')) ?? '',
    'spec.serviceAccountName': asString(valueAt(object, 'spec', 'serviceAccountName')) ?? '',
    'status.phase': asString(valueAt(object, 'status', 'phase')) ?? '',
    'status.podIP': asString(valueAt(object, 'status', 'podIP')) ?? '',
    'status.podIPs': podIPs.map((entry) => asString(valueAt(entry, 'ip')) ?? '').join(','),
    'status.nominatedNodeName': asString(valueAt(object, 'status', 'nominatedNodeName')) ?? '',
  };
}

/** Under the names of both groups that show Events. */
function eventFields(event: JsonObject): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const name of ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath']) {
    const value = asString(valueAt(event, 'regarding', name)) ?? '';
    fields[`regarding.${name}`] = value;
    fields[`involvedObject.${name}`] = value;
  }
  const controller = asString(event['reportingController']) ?? '';
  fields['reason'] = asString(event['reason']) ?? '';
  fields['type'] = asString(event['type']) ?? '';
  fields['reportingComponent'] = controller;
  fields['reportingController'] = controller;
  fields['source'] = asString(valueAt(event, 'deprecatedSource', 'component')) ?? controller;
  return fields;
}
