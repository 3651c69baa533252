import type { Family } from '../../../rules/model.ts';
import { FAMILIES } from '../../../rules/model.ts';
import { type Clock, systemClock } from '../../../src/cluster/clock.ts';
import { labConfiguration } from '../fairlead-process.ts';
import { Lab } from '../lab.ts';
import {
  type ApiObject,
  clusterIP,
  manifest,
  nodes,
  SERVICE_PORT,
  type ServiceOptions,
  service,
} from '../manifest.ts';
import type { Namespace } from '../namespaces.ts';
import type { Answer, RequestOptions, Target } from '../probe-protocol.ts';
import { ADDRESSES } from '../topology.ts';
import { SERVICES, type ServiceName, trafficCluster } from '../traffic-services.ts';
import { compileCluster, type IpvsCase } from './ipvs-case.ts';
import { IpvsNode } from './ipvs-node.ts';
import { RunningDaemon } from './running-daemon.ts';

/** Changes to the Services of the traffic tests; undefined: that one is gone. */
export type Changes = Readonly<Partial<Record<ServiceName, Partial<ServiceOptions> | undefined>>>;

/** The lab in ipvs mode, with the Services of the traffic tests. */
export class PacketStage implements AsyncDisposable {
  readonly lab: Lab;
  readonly node: IpvsNode;
  readonly #resources: AsyncDisposableStack;
  #daemon: RunningDaemon | undefined;

  static async create(): Promise<PacketStage> {
    await using resources = new AsyncDisposableStack();
    const lab = resources.use(await Lab.create());
    const node = await IpvsNode.create(lab.node);
    const stage = new PacketStage(lab, node, resources.move());
    await stage.program({});
    return stage;
  }

  private constructor(lab: Lab, node: IpvsNode, resources: AsyncDisposableStack) {
    this.lab = lab;
    this.node = node;
    this.#resources = resources;
  }

  /** Brings the node to the Services with these changes. @returns what was written */
  async program(changes: Changes): Promise<readonly string[]> {
    return await this.node.sync((await this.compile(changes)).rulesets);
  }

  compile(changes: Changes): Promise<IpvsCase> {
    const objects = Object.entries(SERVICES).flatMap(([name, options]) => {
      const own = name in changes ? changes[name as ServiceName] : {};
      return own ? service(name, { ...options, ...own }) : [];
    });
    return this.compileObjects(objects);
  }

  /** @param objects all but Nodes */
  async compileObjects(objects: readonly ApiObject[]): Promise<IpvsCase> {
    const cluster = await this.lab.file('cluster.yaml', manifest([...nodes(), ...objects]));
    const config = await this.lab.file('config.yaml', labConfiguration());
    const addresses = FAMILIES.flatMap((family) => [ADDRESSES[family].node, ADDRESSES[family].bridge]);
    return compileCluster([`--from=${cluster}`, `--config=${config}`], addresses);
  }

  /** Fairlead's daemon with the same Services. Started at first use; from then on, it alone programs the node. */
  async daemon(): Promise<RunningDaemon> {
    if (this.#daemon) return this.#daemon;
    const cluster = await this.lab.file('cluster.yaml', manifest(trafficCluster()));
    // What is looked at by the period is not what trials are about.
    const config = await this.lab.file('config.yaml', `${labConfiguration()}ipvs:\n  syncPeriod: 100h\n`);
    const flags = ['--config', config, '--from', cluster, '--proxy-mode', 'ipvs'];
    this.#daemon = this.lab.own(new RunningDaemon(this.lab.node, flags, hurriedClock));
    return this.#daemon;
  }

  /** Requests from a namespace to an address, at the Service's port there. */
  ask(
    from: Namespace,
    name: ServiceName,
    to: string,
    { source, ...options }: RequestOptions & { readonly source?: string } = {},
  ): Promise<readonly Answer[]> {
    const { nodePort = 0, protocol }: ServiceOptions = SERVICES[name];
    const isNode = FAMILIES.some((family) => {
      const { node, bridge, loopback } = ADDRESSES[family];
      return [node, bridge, loopback].includes(to);
    });
    const target: Target = {
      protocol: protocol === 'UDP' ? 'udp' : 'tcp',
      address: to,
      port: isNode ? nodePort : SERVICE_PORT,
      ...(source === undefined ? {} : { from: source }),
    };
    return this.lab.from(from).request(target, options);
  }

  clusterIP(family: Family, name: ServiceName): string {
    return clusterIP(family, SERVICES[name].n);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }
}

/** Minutes pass as seconds: what is looked at by the minute is looked at soon. */
const hurriedClock: Clock = {
  now: () => systemClock.now(),
  after: (ms, callback) => systemClock.after(ms >= 60_000 ? ms / 60 : ms, callback),
};
