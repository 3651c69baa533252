import type { Family, ServicePortKey } from '../../rules/model.ts';
import { adoptTable, type Ledger } from '../../rules/nftables/adopt.ts';
import type { PlanOptions } from '../../rules/nftables/plan.ts';
import { planNftables } from '../../rules/nftables/plan.ts';
import { nodePortScope } from '../../rules/node-ports.ts';
import { nftablesCompiler } from '../../src/dataplane/compilers.ts';
import { type Plan, takeDown } from '../../src/dataplane/dataplane.ts';
import { DesiredState } from '../../src/desired-state.ts';
import { Tracker } from '../../src/tracker/tracker.ts';
import { objectsOf, type ServiceDraft } from '../fuzz/clusters.ts';
import type { Surroundings } from '../fuzz/nodes.ts';
import type { Destination } from '../fuzz/packets.ts';
import { NftModel, type NftTable } from './nftables.ts';

/** The table that a cluster should have, which changes as the cluster does. */
export class NftProgramming {
  readonly family: Family;
  readonly tracker: Tracker;
  readonly desired: DesiredState;
  #services: readonly ServiceDraft[] = [];

  constructor(family: Family) {
    this.family = family;
    this.tracker = new Tracker({ nodeName: 'node-a', report: () => {} });
    this.desired = new DesiredState(family, this.tracker, nftablesCompiler);
  }

  /** Makes the cluster consist of these Services. @returns keys of the objects that changed */
  become(services: readonly ServiceDraft[], { node, settings }: Surroundings): ReadonlySet<string> {
    for (const before of this.#services) {
      for (const name of sliceNames(before)) this.tracker.delete('EndpointSlice', name);
      if (!services.some(({ name }) => name === before.name)) {
        this.tracker.delete('Service', `default/${before.name}`);
      }
    }
    for (const draft of services) {
      const { service, slices } = objectsOf(draft);
      this.tracker.upsert('Service', service);
      for (const slice of slices) this.tracker.upsert('EndpointSlice', slice);
    }
    this.#services = services;
    const { keys } = this.desired.update(node, settings);
    this.desired.commit();
    return keys;
  }

  /** All ways to ServicePorts, by protocol, address and port. */
  destinations({ node, settings }: Surroundings): ReadonlyMap<string, Destination> {
    const scope = nodePortScope(node, { ...settings, localhostNodePorts: false });
    const nodePorts = scope.kind === 'some' ? scope.addresses : node.localAddresses;
    const found = new Map<string, Destination>();
    for (const key of this.desired.ruleset.owners()) {
      const servicePort = this.tracker.resolve(this.family, key as ServicePortKey)?.servicePort;
      if (!servicePort) continue;
      const { port, nodePort, clusterIP, externalIPs, loadBalancerIPs, protocol } = servicePort;
      const add = (kind: Destination['kind'], address: Destination['address'], at: number): void => {
        const name = `${protocol} ${address} ${at}`;
        if (!found.has(name)) found.set(name, { servicePort, address, port: at, kind });
      };
      if (clusterIP !== undefined) add('cluster IP', clusterIP, port);
      for (const address of loadBalancerIPs) add('load balancer IP', address, port);
      for (const address of externalIPs) add('external IP', address, port);
      for (const address of nodePort === 0 ? [] : nodePorts) add('node port', address, nodePort);
    }
    return found;
  }
}

/** The table of a cluster that has just been read. */
export function freshly(family: Family, services: readonly ServiceDraft[], at: Surroundings): NftProgramming {
  const programming = new NftProgramming(family);
  programming.become(services, at);
  return programming;
}

export function tableName(family: Family): string {
  return `${family === 'ipv6' ? 'ip6' : 'ip'} kube-proxy`;
}

export function adopted(model: NftModel, family: Family): Ledger {
  return adoptTable(model.list(tableName(family)) ?? '');
}

/** Applies a plan. @returns the table after each transaction */
export function execute(plan: Plan, model: NftModel, family: Family, ledger: Ledger): readonly NftTable[] {
  const states = plan.sections.map(({ text }) => {
    model.apply(text);
    return tableOf(model, family);
  });
  takeDown(plan, ledger);
  return states;
}

/** Brings a model to the desired state, from whatever is in it. @returns the table after each transaction */
export function bring(
  model: NftModel,
  { desired, family }: NftProgramming,
  options?: PlanOptions,
): readonly NftTable[] {
  const ledger = adopted(model, family);
  return execute(planNftables(family, desired.ruleset, ledger, undefined, options), model, family, ledger);
}

/** What a node has that has programmed nothing else. */
export function cleanTable(programming: NftProgramming): NftTable {
  const model = new NftModel();
  bring(model, programming);
  return tableOf(model, programming.family);
}

export function tableOf(model: NftModel, family: Family): NftTable {
  const table = model.table(tableName(family));
  if (!table) throw new Error('the table is missing');
  return table;
}

function sliceNames({ name, families }: ServiceDraft): readonly string[] {
  return families.flatMap((family) => [0, 1].map((number) => `default/${name}-${family}-${number}`));
}
