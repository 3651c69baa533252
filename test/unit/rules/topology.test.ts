import { describe, expect, it } from 'vitest';
import type { Address, Endpoint, NodeFacts, ServicePort } from '../../../rules/model.ts';
import { chooseEndpoints } from '../../../rules/topology.ts';
import { endpoint, nodeFacts, servicePort } from './model-parts.ts';

const READY = {};
const UNREADY = { ready: false, serving: false };
const DRAINING = { ready: false, serving: true, terminating: true };
const GONE = { ready: false, serving: false, terminating: true };
/** Starting up: serving without being ready or terminating does not happen, and would not count. */
const ODD = { ready: false, serving: true, terminating: false };
/** publishNotReadyAddresses: ready is what counts, even while terminating. */
const PUBLISHED = { ready: true, serving: false, terminating: true };
const HERE = { local: true, nodeName: 'node-a' };

const CLUSTER: Partial<ServicePort> = {};
const INTERNAL_LOCAL: Partial<ServicePort> = { internalPolicyLocal: true };
const EXTERNAL_LOCAL: Partial<ServicePort> = { externalPolicyLocal: true, nodePort: 30080 };
const BOTH_LOCAL: Partial<ServicePort> = { ...INTERNAL_LOCAL, ...EXTERNAL_LOCAL };
const NOT_EXTERNAL: Partial<ServicePort> = { externalPolicyLocal: true };
const INTERNAL_LOCAL_BY_LB: Partial<ServicePort> = {
  internalPolicyLocal: true,
  loadBalancerIPs: ['203.0.113.1' as Address],
};

interface Row {
  readonly what: string;
  readonly policies: Partial<ServicePort>;
  readonly endpoints: Readonly<Record<string, Partial<Endpoint>>>;
  readonly node?: Partial<NodeFacts>;
  readonly cluster?: readonly string[];
  readonly local?: readonly string[];
  readonly reachable?: readonly string[];
  /** @default some endpoint was chosen */
  readonly any?: boolean;
}

const conditions: readonly Row[] = [
  { what: 'no endpoints', policies: CLUSTER, endpoints: {}, any: false },
  {
    what: 'ready ones win',
    policies: CLUSTER,
    endpoints: { a: READY, b: UNREADY, c: DRAINING, d: GONE },
    cluster: ['a'],
  },
  {
    what: 'none ready: those that still serve while they terminate',
    policies: CLUSTER,
    endpoints: { a: UNREADY, b: DRAINING, c: GONE, d: ODD },
    cluster: ['b'],
  },
  { what: 'none of any use', policies: CLUSTER, endpoints: { a: UNREADY, b: GONE, c: ODD }, any: false },
  {
    what: 'ready counts though terminating (publishNotReadyAddresses)',
    policies: CLUSTER,
    endpoints: { a: PUBLISHED, b: DRAINING },
    cluster: ['a'],
  },
];

const policies: readonly Row[] = [
  {
    what: 'internal Local: those here, and nothing for the Cluster policy',
    policies: INTERNAL_LOCAL,
    endpoints: { a: HERE, b: READY },
    local: ['a'],
  },
  {
    what: 'internal Local, none here: nothing, but there are some',
    policies: INTERNAL_LOCAL,
    endpoints: { b: READY },
    any: true,
  },
  {
    what: 'internal Local beside a load balancer address of the Cluster policy',
    policies: INTERNAL_LOCAL_BY_LB,
    endpoints: { a: HERE, b: READY },
    cluster: ['a', 'b'],
    local: ['a'],
  },
  {
    what: 'external Local: all for the cluster, those here for outside',
    policies: EXTERNAL_LOCAL,
    endpoints: { a: READY, b: HERE, c: READY },
    cluster: ['a', 'b', 'c'],
    local: ['b'],
    reachable: ['a', 'b', 'c'],
  },
  {
    what: 'external Local without anything external is no policy',
    policies: NOT_EXTERNAL,
    endpoints: { a: READY, b: HERE },
    cluster: ['a', 'b'],
  },
  {
    what: 'the fallback is decided for each policy apart: here only a terminating one',
    policies: EXTERNAL_LOCAL,
    endpoints: { a: { ...DRAINING, ...HERE }, b: READY },
    cluster: ['b'],
    local: ['a'],
    reachable: ['a', 'b'],
  },
  {
    what: 'a terminating one here counts for nothing beside a ready one here',
    policies: EXTERNAL_LOCAL,
    endpoints: { a: { ...DRAINING, ...HERE }, b: HERE },
    cluster: ['b'],
    local: ['b'],
  },
  {
    what: 'all terminating, one of them here',
    policies: EXTERNAL_LOCAL,
    endpoints: { a: DRAINING, b: { ...DRAINING, ...HERE } },
    cluster: ['a', 'b'],
    local: ['b'],
  },
  {
    what: 'both Local: the node itself still may use all of them from its outside',
    policies: BOTH_LOCAL,
    endpoints: { a: READY, b: HERE },
    cluster: ['a', 'b'],
    local: ['b'],
  },
  { what: 'both Local, nothing anywhere', policies: BOTH_LOCAL, endpoints: { a: GONE }, any: false },
];

const zone = (...names: string[]) => ({ zoneHints: names });
const node = (...names: string[]) => ({ nodeHints: names });

const hints: readonly Row[] = [
  {
    what: 'those for this zone',
    policies: CLUSTER,
    endpoints: { a: zone('zone-a'), b: zone('zone-b'), c: zone('zone-b', 'zone-a') },
    cluster: ['a', 'c'],
  },
  {
    what: 'ignored: one ready endpoint has no hint',
    policies: CLUSTER,
    endpoints: { a: zone('zone-a'), b: READY },
    cluster: ['a', 'b'],
  },
  {
    what: 'an unready endpoint without hint does not matter',
    policies: CLUSTER,
    endpoints: { a: zone('zone-a'), b: zone('zone-b'), c: UNREADY, d: DRAINING },
    cluster: ['a'],
  },
  {
    what: 'ignored: no endpoint is for this zone',
    policies: CLUSTER,
    endpoints: { a: zone('zone-b'), b: zone('zone-c') },
    cluster: ['a', 'b'],
  },
  {
    what: 'ignored: the only endpoint for this zone is not ready',
    policies: CLUSTER,
    endpoints: { a: { ...UNREADY, ...zone('zone-a') }, b: zone('zone-b') },
    cluster: ['b'],
  },
  {
    what: 'ignored: the node is in no zone',
    policies: CLUSTER,
    node: { zone: '' },
    endpoints: { a: zone('zone-a'), b: zone('') },
    cluster: ['a', 'b'],
  },
  {
    what: 'ignored: terminating endpoints are the last resort, whatever their zone',
    policies: CLUSTER,
    endpoints: { a: { ...DRAINING, ...zone('zone-a') }, b: { ...DRAINING, ...zone('zone-b') } },
    cluster: ['a', 'b'],
  },
  {
    what: 'the Local policy does not look at hints',
    policies: EXTERNAL_LOCAL,
    endpoints: { a: { ...HERE, ...zone('zone-b') }, b: zone('zone-a') },
    cluster: ['b'],
    local: ['a'],
    reachable: ['a', 'b'],
  },
  {
    what: 'those for this node',
    policies: CLUSTER,
    endpoints: { a: { ...node('node-a'), ...zone('zone-a') }, b: { ...node('node-b'), ...zone('zone-a') } },
    cluster: ['a'],
  },
  {
    what: 'none for this node: those for its zone',
    policies: CLUSTER,
    endpoints: { a: { ...node('node-c'), ...zone('zone-a') }, b: { ...node('node-b'), ...zone('zone-b') } },
    cluster: ['a'],
  },
  {
    what: 'one has no node hint: those for its zone',
    policies: CLUSTER,
    endpoints: { a: zone('zone-a'), b: { ...node('node-a'), ...zone('zone-b') } },
    cluster: ['a'],
  },
  {
    what: 'none for this node nor its zone: all',
    policies: CLUSTER,
    endpoints: { a: { ...node('node-c'), ...zone('zone-c') }, b: { ...node('node-b'), ...zone('zone-b') } },
    cluster: ['a', 'b'],
  },
  {
    what: 'node hints count without any zone',
    policies: CLUSTER,
    node: { zone: '' },
    endpoints: { a: node('node-a'), b: node('node-b') },
    cluster: ['a'],
  },
];

/** Endpoints by letters, in the order of the alphabet. */
function build(row: Row): readonly Endpoint[] {
  return Object.entries(row.endpoints).map(([letter, given]) => endpoint(address(letter), given));
}

function address(letter: string): string {
  return `10.244.1.${letter.charCodeAt(0) - 96}`;
}

function letters(endpoints: readonly Endpoint[]): readonly string[] {
  return endpoints.map(({ address: text }) => String.fromCharCode(96 + Number(text.split('.')[3])));
}

describe.each([
  ['conditions', conditions],
  ['policies', policies],
  ['hints', hints],
] as const)('%s', (_, rows) => {
  it.each(rows)('$what', (row) => {
    const { cluster = [], local = [] } = row;
    const choice = chooseEndpoints(
      servicePort({ ...row.policies, endpoints: build(row) }),
      nodeFacts(row.node),
    );
    expect({
      cluster: letters(choice.cluster),
      local: letters(choice.local),
      reachable: letters(choice.reachable),
      any: choice.any,
    }).toEqual({
      cluster,
      local,
      reachable: row.reachable ?? (cluster.length > 0 ? cluster : local),
      any: row.any ?? cluster.length + local.length > 0,
    });
  });
});
