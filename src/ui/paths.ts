import type { Endpoint, LocalDetector, NodeFacts, ProxySettings, ServicePort } from '../../rules/model.ts';
import { endpointText } from '../../rules/model.ts';
import { nodePortScope } from '../../rules/node-ports.ts';
import { chooseEndpoints, type EndpointChoice } from '../../rules/topology.ts';
import type { Mode } from '../config/settings.ts';
import { passageNames } from './path-names.ts';
import { choiceReason, lackReason } from './reasons.ts';
import type { Flow, Masquerade, Policy, Way } from './state.ts';

/** What paths depend on besides the ServicePort. */
export interface PathContext {
  readonly mode: Mode;
  /** Of ipvs mode, as ipvsadm names it. */
  readonly scheduler: string;
  readonly node: NodeFacts;
  readonly settings: ProxySettings;
}

/** Every way in to a ServicePort, and what becomes of packets on it, as this node's rules have it. Pure. */
export function ways(servicePort: ServicePort, context: PathContext): readonly Way[] {
  const { clusterIP, externalIPs, loadBalancerIPs, port, nodePort, sourceRanges } = servicePort;
  const at = (address: string) => endpointText({ address: address as Endpoint['address'], port });
  const paths = new Paths(servicePort, context);
  const found: Way[] = [];
  const add = (kind: Way['kind'], addresses: readonly string[], ranges: Way['sourceRanges'] = []): void => {
    if (addresses.length === 0) return;
    found.push({ kind, addresses, sourceRanges: ranges, flows: paths.flows(kind, ranges.length > 0) });
  };
  add('cluster IP', clusterIP === undefined ? [] : [at(clusterIP)]);
  add('node port', nodePort === 0 ? [] : nodePortAddresses(nodePort, context));
  add('external IP', externalIPs.map(at));
  add('load balancer', loadBalancerIPs.map(at), paths.hasFirewall ? sourceRanges : []);
  return found;
}

function nodePortAddresses(port: number, { mode, node, settings }: PathContext): readonly string[] {
  const localhostNodePorts = mode === 'iptables' && settings.localhostNodePorts;
  const scope = nodePortScope(node, { ...settings, localhostNodePorts });
  if (scope.kind === 'some') return scope.addresses.map((address) => endpointText({ address, port }));
  return [`any node address:${port}`, ...(scope.localhost ? [`127.0.0.1:${port}`] : [])];
}

/** They give endpoints of equal weight equal shares; all have weight 1. */
const FAIR_SCHEDULERS: ReadonlySet<string> = new Set(['rr', 'wrr']);

class Paths {
  readonly #servicePort: ServicePort;
  readonly #context: PathContext;
  readonly #choice: EndpointChoice;

  constructor(servicePort: ServicePort, context: PathContext) {
    this.#servicePort = servicePort;
    this.#context = context;
    this.#choice = chooseEndpoints(servicePort, context.node);
  }

  /** Without endpoints iptables mode rejects whoever comes, before it looks at sources. */
  get hasFirewall(): boolean {
    return this.#choice.any || this.#context.mode !== 'iptables';
  }

  flows(kind: Way['kind'], guarded: boolean): readonly Flow[] {
    const { internalPolicyLocal, externalPolicyLocal } = this.#servicePort;
    const { mode, settings } = this.#context;
    const flow = (from: Flow['from'], policy: Policy, masquerade: Masquerade): Flow =>
      this.#flow({ kind, from, policy, masquerade, guarded });
    if (kind === 'cluster IP') {
      const policy = internalPolicyLocal ? 'Local' : 'Cluster';
      const masquerade = internalMasquerade(settings);
      if (mode !== 'ipvs' || masquerade.when !== 'never') return [flow('anywhere', policy, masquerade)];
      return [flow('elsewhere', policy, masquerade), flow('this node', policy, OWN_TRAFFIC)];
    }
    if (mode === 'iptables' && kind !== 'node port' && !this.#choice.any) {
      return [flow('elsewhere', 'Cluster', THROUGH_HERE), NOT_CAUGHT];
    }
    if (!externalPolicyLocal) return [flow('anywhere', 'Cluster', THROUGH_HERE)];
    if (mode === 'ipvs') return [flow('anywhere', 'Local', KEPT)];
    return [
      flow('outside', 'Local', KEPT),
      ...(settings.localDetector.kind === 'none' ? [] : [flow('Pods', 'Cluster', KEPT_FOR_PODS)]),
      flow('this node', 'Cluster', OWN_TRAFFIC),
    ];
  }

  #flow(given: Pick<Flow, 'from' | 'policy' | 'masquerade'> & { kind: Way['kind']; guarded: boolean }): Flow {
    const { kind, from, policy, masquerade, guarded } = given;
    const { mode, scheduler, node, settings } = this.#context;
    const { cluster, local, any } = this.#choice;
    const useOthers = mode === 'ipvs' && policy === 'Local' && local.length === 0;
    const endpoints = policy === 'Local' && !useOthers ? local : cluster;
    const verdict = endpoints.length > 0 ? 'endpoints' : any && !useOthers ? 'drop' : 'reject';
    const reason =
      verdict === 'endpoints'
        ? choiceReason(this.#servicePort, node, { policy, endpoints, useOthers })
        : lackReason(this.#servicePort, kind, verdict);
    const isFair = mode !== 'ipvs' || FAIR_SCHEDULERS.has(scheduler) || endpoints.length === 1;
    return {
      from,
      sources: from === 'Pods' || masquerade.when === 'all but Pods' ? sourcesOf(settings.localDetector) : '',
      policy,
      through: passageNames(mode, this.#servicePort, { kind, policy, verdict, guarded }),
      verdict,
      reason,
      masquerade: verdict === 'endpoints' ? masquerade : NOTHING_TO_SEND,
      scheduler: isFair || verdict !== 'endpoints' ? undefined : scheduler,
      endpoints: endpoints.map((endpoint) => ({
        endpoint: endpointText(endpoint),
        share: isFair ? 1 / endpoints.length : undefined,
      })),
    };
  }
}

const NOTHING_TO_SEND: Masquerade = { when: 'never', reason: '' };

/** KUBE-EXTERNAL-SERVICES hangs on INPUT and FORWARD. */
const NOT_CAUGHT: Flow = {
  from: 'this node',
  sources: '',
  policy: 'Cluster',
  through: [],
  verdict: 'pass',
  reason: 'without endpoints, no rule of iptables mode is about what this node itself sends there',
  masquerade: NOTHING_TO_SEND,
  scheduler: undefined,
  endpoints: [],
};

const THROUGH_HERE: Masquerade = {
  when: 'always',
  reason: 'the endpoint may be on another node, and its answer has to come back through this one',
};

const KEPT: Masquerade = {
  when: 'never',
  reason: "externalTrafficPolicy: Local keeps the client's address",
};

const KEPT_FOR_PODS: Masquerade = {
  when: 'never',
  reason: 'Pods reach any endpoint directly, as if they had used the cluster IP',
};

const OWN_TRAFFIC: Masquerade = {
  when: 'always',
  reason: "what this node itself sends there may come from the Service's own address",
};

function internalMasquerade({ masqueradeAll, localDetector }: ProxySettings): Masquerade {
  if (masqueradeAll) return { when: 'always', reason: '--masquerade-all is set' };
  if (localDetector.kind === 'none') {
    return {
      when: 'never',
      reason: 'there is no cluster CIDR or interface by which to tell Pods from others',
    };
  }
  return {
    when: 'all but Pods',
    reason: 'what comes from elsewhere would be answered past this node',
  };
}

function sourcesOf(detector: LocalDetector): string {
  switch (detector.kind) {
    case 'none':
      return '';
    case 'cidr':
      return detector.cidr;
    case 'bridge':
      return `interface ${detector.interface}`;
    case 'prefix':
      return `interfaces ${detector.prefix}*`;
  }
}
