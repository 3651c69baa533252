import type { ServicePortKey } from '../../rules/model.ts';
import { iptablesCompiler } from '../../src/dataplane/compilers.ts';
import type { DataplaneError } from '../../src/dataplane/dataplane.ts';
import { IptablesDataplane } from '../../src/dataplane/iptables/dataplane.ts';
import { IptablesTools } from '../../src/dataplane/iptables/tools.ts';
import { DesiredState } from '../../src/desired-state.ts';
import { Reconciler } from '../../src/reconciler.ts';
import type { SyncReport } from '../../src/sync-observer.ts';
import { Tracker } from '../../src/tracker/tracker.ts';
import { IptablesModel } from '../model/iptables.ts';
import { IptablesPrograms } from '../model/iptables-programs.ts';
import { service, slice } from '../model/objects.ts';
import { PacketWalk } from '../model/packet-walk.ts';
import { ManualClock } from './cluster/manual-clock.ts';
import { until } from './cluster/until.ts';
import { nodeFacts, proxySettings } from './rules/model-parts.ts';

export interface NodeGiven {
  /** What is in the kernel at the start. */
  readonly model?: IptablesModel;
  /** Whether the tool says which line was refused. @default true */
  readonly namesLines?: boolean;
}

/** A node with one IP family: everything from the tracker to the tools is real, the kernel is a model. */
export class ProgrammedNode {
  readonly model: IptablesModel;
  readonly programs: IptablesPrograms;
  readonly tracker: Tracker;
  readonly reconciler: Reconciler;
  readonly clock = new ManualClock();
  readonly reports: SyncReport[] = [];
  readonly failures: DataplaneError[] = [];
  readonly quarantined: ServicePortKey[] = [];
  readonly warnings: string[] = [];
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;

  constructor({ model = new IptablesModel(), namesLines = true }: NodeGiven = {}) {
    this.model = model;
    this.programs = new IptablesPrograms(model, { namesLines });
    this.tracker = new Tracker({ nodeName: 'node-a', report: ({ message }) => this.warnings.push(message) });
    this.reconciler = new Reconciler({
      dataplane: new IptablesDataplane(new IptablesTools('ipv4', 'nft', this.programs)),
      desired: new DesiredState('ipv4', this.tracker, iptablesCompiler),
      context: () => ({ node: nodeFacts(), settings: proxySettings({ nfacct: false }) }),
      logger: { info: () => {}, debug: () => {}, warn: (_, message) => this.warnings.push(message) },
      clock: this.clock,
      random: () => 0.5,
      minSyncPeriod: 0,
      syncPeriod: 30_000,
      observer: {
        synced: (report) => this.reports.push(report),
        failed: ({ error }) => this.failures.push(error),
        quarantined: (_, servicePort) => this.quarantined.push(servicePort),
      },
    });
  }

  /** A Service with one address, and its endpoints. */
  serve(name: string, clusterIP: string, endpoints: readonly string[]): void {
    this.tracker.upsert('Service', service(name, clusterIP));
    this.tracker.upsert('EndpointSlice', slice(name, endpoints));
  }

  /** Many Services `s0`, `s1`, … with an endpoint each. */
  serveMany(count: number): void {
    for (let i = 0; i < count; i++) this.serve(`s${i}`, `10.96.1.${i}`, [`10.244.1.${i}`]);
  }

  remove(name: string): void {
    this.tracker.delete('Service', `default/${name}`);
    this.tracker.delete('EndpointSlice', `default/${name}-1`);
  }

  /** Lets the reconciler look at what has changed, and waits until it has synced or failed. */
  async sync(): Promise<void> {
    await this.#turn('a sync', () => this.reconciler.request());
  }

  /** Lets time pass, and waits for the sync that is due then. */
  async pass(ms: number): Promise<void> {
    await this.#turn(`a sync after ${ms} ms`, () => this.clock.advance(ms));
  }

  /** What becomes of a connection from a Pod. */
  outcomes(destination: string, port = 80): readonly string[] {
    const walk = new PacketWalk(nodeFacts().localAddresses);
    const source = '10.244.0.99' as SourceAddress;
    const packet = {
      source,
      destination: destination as SourceAddress,
      protocol: 'tcp',
      port,
      from: 'cni0',
    } as const;
    return [...walk.outcomes(this.model.tables, packet)].sort();
  }

  /** Which of some cluster IPs lead to an endpoint. */
  served(count: number): number {
    const addresses = Array.from({ length: count }, (_, i) => `10.96.1.${i}`);
    return addresses.filter((address) => this.outcomes(address).join() !== 'pass').length;
  }

  /** Ends the reconciler. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #turn(what: string, act: () => void): Promise<void> {
    const before = this.reports.length + this.failures.length;
    act();
    this.#running ??= this.reconciler.run(this.#stop.signal);
    await until(what, () => this.reports.length + this.failures.length > before);
    // Its timer is set only once it waits again.
    await until('waiting again', () => this.clock.waits.length > 0);
  }
}

type SourceAddress = ReturnType<typeof nodeFacts>['nodeIP'];
