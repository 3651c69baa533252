import type { Family } from '../../rules/model.ts';
import type { Clock } from '../cluster/clock.ts';
import type { Observer, RelistReason, RequestRecord } from '../cluster/observer.ts';
import type { Kind, ObjectSink } from '../cluster/source.ts';
import type { FeatureGates, Mode } from '../config/settings.ts';
import type { HealthEndpoint } from '../health/health-server.ts';
import { addFeatureGates, BuildInfo } from './build-info.ts';
import { MetricFactory } from './factory.ts';
import { type EventLoss, FairleadMetrics } from './fairlead-metrics.ts';
import { KubeProxyMetrics } from './kube-proxy-metrics.ts';
import { MeasuringSink } from './measuring-sink.ts';
import { PendingChanges } from './pending-changes.ts';
import { addProcessMetrics, type ProcSelf, systemProcSelf } from './process-metrics.ts';
import { RestClientMetrics } from './rest-client-metrics.ts';
import type { RuleCounts, SyncFailureSample, SyncSample } from './sync-sample.ts';
import { TriggerTimes } from './trigger-times.ts';

export interface MetricsOptions {
  readonly mode: Mode;
  /** Those that may be programmed. */
  readonly families: readonly Family[];
  readonly clock: Clock;
  /** Of this program. */
  readonly version: string;
  /** As they were given. */
  readonly features?: FeatureGates;
  /** Packets by nfacct object, read at each scrape (iptables mode). */
  readonly nfacct?: (() => Promise<ReadonlyMap<string, number>>) | undefined;
  /** Rules in the ledger, read at each scrape (iptables mode). */
  readonly rulesInLedger?: ((family: Family) => RuleCounts | undefined) | undefined;
  /** @default the kernel's */
  readonly proc?: ProcSelf;
}

/** All metrics of the proxy. No series is about a single Service: their number does not grow with the cluster. */
export class Metrics implements Observer {
  readonly #clock: Clock;
  readonly #factory = new MetricFactory();
  readonly #kubeProxy: KubeProxyMetrics;
  readonly #restClient: RestClientMetrics;
  readonly #fairlead: FairleadMetrics;
  readonly #buildInfo: BuildInfo;
  readonly #pending: PendingChanges;
  readonly #triggerTimes: TriggerTimes;

  constructor(options: MetricsOptions) {
    const { families, clock, version, features = {}, proc = systemProcSelf } = options;
    const factory = this.#factory;
    this.#clock = clock;
    this.#pending = new PendingChanges(families);
    this.#triggerTimes = new TriggerTimes(clock.now());
    this.#kubeProxy = new KubeProxyMetrics({
      ...options,
      factory,
      pending: (kind) => this.#pending.count(kind),
    });
    this.#restClient = new RestClientMetrics(factory);
    this.#fairlead = new FairleadMetrics({ factory, families, clock, version });
    this.#buildInfo = new BuildInfo(factory, version);
    addFeatureGates(factory, features);
    addProcessMetrics(factory, proc, clock);
  }

  /** In Prometheus' text format. */
  text(): Promise<string> {
    return this.#factory.text();
  }

  get contentType(): string {
    return this.#factory.contentType;
  }

  /** A sink that counts changes before it passes them on to `inner`. */
  measured(inner: ObjectSink): ObjectSink {
    return new MeasuringSink(inner, {
      changed: (kind, family) => {
        this.#kubeProxy.changed(kind);
        this.#pending.add(kind, family);
      },
      triggered: (family, service, slice, at) => this.#triggerTimes.record(family, service, slice, at),
      sliceDeleted: (slice) => this.#triggerTimes.deleted(slice),
    });
  }

  /** The cluster's version is known, as the API server's `/version` has it. */
  clusterVersion(gitVersion: string): void {
    this.#buildInfo.standIn(gitVersion);
  }

  /** A sync is asked for. */
  requested(family: Family): void {
    this.#kubeProxy.requested(family);
  }

  /** A sync begins: changes from now on are not in it. */
  syncStarted(family: Family): void {
    this.#pending.syncStarted(family);
    this.#triggerTimes.syncStarted(family);
  }

  synced(sample: SyncSample): void {
    const { family } = sample;
    this.#kubeProxy.synced(sample);
    this.#fairlead.synced(sample);
    this.#pending.synced(family);
    for (const latency of this.#triggerTimes.synced(family, this.#clock.now())) {
      this.#kubeProxy.networkProgrammed(family, latency);
    }
  }

  failed(sample: SyncFailureSample): void {
    this.#kubeProxy.failed(sample);
    this.#fairlead.failed(sample);
  }

  /** Objects that differed from the ledger were put right. */
  driftRepaired(family: Family, objects: number): void {
    this.#fairlead.driftRepaired(family, objects);
  }

  /** So many ServicePorts are in quarantine now. */
  quarantined(family: Family, servicePorts: number): void {
    this.#fairlead.quarantined(family, servicePorts);
  }

  /** So many ServicePorts lack a destination that an older Service has. */
  contested(family: Family, servicePorts: number): void {
    this.#fairlead.contested(family, servicePorts);
  }

  /** Another proxy writes the same rules, or no longer does. */
  anotherProxy(family: Family, writing: boolean): void {
    this.#fairlead.anotherProxy(family, writing);
  }

  nftablesCleanupFailed(family: Family): void {
    this.#kubeProxy.nftablesCleanupFailed(family);
  }

  /** @param duration ms. @param deleted conntrack entries */
  conntrackReconciled(family: Family, duration: number, deleted: number): void {
    this.#kubeProxy.conntrackReconciled(family, duration, deleted);
  }

  served(endpoint: HealthEndpoint, status: number): void {
    this.#kubeProxy.served(endpoint, status);
  }

  eventLost(reason: EventLoss): void {
    this.#fairlead.eventLost(reason);
  }

  requestDone(request: RequestRecord): void {
    this.#restClient.requestDone(request);
  }

  contact(kind: Kind, at: number): void {
    this.#fairlead.contact(kind, at);
  }

  listed(kind: Kind, reason: RelistReason): void {
    this.#fairlead.listed(kind, reason);
  }
}
