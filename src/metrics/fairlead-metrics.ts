import type { Family } from '../../rules/model.ts';
import type { Clock } from '../cluster/clock.ts';
import type { RelistReason } from '../cluster/observer.ts';
import type { Kind } from '../cluster/source.ts';
import type { MetricFactory } from './factory.ts';
import { FamilyMetricFactory, labelsOf } from './family-metrics.ts';
import type { SyncFailureSample, SyncSample } from './sync-sample.ts';

export interface FairleadMetricsOptions {
  readonly factory: MetricFactory;
  readonly families: readonly Family[];
  readonly clock: Clock;
  readonly version: string;
}

const RESOURCES: Readonly<Record<Kind, string>> = {
  Service: 'services',
  EndpointSlice: 'endpointslices',
  Node: 'nodes',
  ServiceCIDR: 'servicecidrs',
};

/** Why an Event was not posted: too many of its object, too many waiting, or the API server would not have it. */
export type EventLoss = 'rate' | 'queue' | 'refused';

/** What kube-proxy has no metric for. */
export class FairleadMetrics {
  /** ms since the epoch. */
  readonly #contacts = new Map<Kind, number>();
  readonly #ledger;
  readonly #planLines;
  readonly #appliedLines;
  readonly #adopted;
  readonly #failures;
  readonly #drift;
  readonly #quarantined;
  readonly #contested;
  readonly #anotherProxy;
  readonly #lists;
  readonly #eventsLost;

  constructor({ factory, families, clock, version }: FairleadMetricsOptions) {
    const perFamily = new FamilyMetricFactory(factory, families);
    factory
      .gauge('fairlead_build_info', 'Always 1: which Fairlead this is.', ['version', 'node_version'])
      .set({ version, node_version: process.version }, 1);
    this.#ledger = perFamily.gauge(
      'fairlead_ledger_objects',
      'Objects that are believed to be in the kernel.',
    );
    this.#planLines = perFamily.gauge(
      'fairlead_plan_lines',
      'Lines of payload of the last sync; 0: nothing differed.',
    );
    this.#appliedLines = perFamily.counter('fairlead_applied_lines_total', 'Lines of payload applied.');
    this.#adopted = perFamily.gauge(
      'fairlead_adopted_objects',
      'Objects that were in the kernel when it was last read.',
    );
    this.#drift = perFamily.counter(
      'fairlead_drift_repairs_total',
      'Objects that differed from the ledger, and were put right.',
    );
    this.#quarantined = perFamily.gauge(
      'fairlead_quarantined_service_ports',
      'ServicePorts whose rules the kernel refuses. Their last good rules stay.',
      0,
    );
    this.#contested = perFamily.gauge(
      'fairlead_contested_service_ports',
      'ServicePorts that lack a destination, because an older Service has it.',
      0,
    );
    this.#anotherProxy = perFamily.gauge(
      'fairlead_another_proxy_writing',
      '1 while another proxy writes the same rules.',
      0,
    );
    this.#failures = factory.counter(
      'fairlead_sync_failures_total',
      'Syncs that failed, by kind of failure.',
      ['ip_family', 'code'],
    );
    factory.gaugesFrom(
      'fairlead_api_data_age_seconds',
      'Since the API server was last heard of a resource.',
      ['resource'],
      () => this.#ages(clock.now()),
    );
    this.#lists = factory.counter(
      'fairlead_api_lists_total',
      'Complete lists read, by why they were needed.',
      ['resource', 'reason'],
    );
    this.#eventsLost = factory.counter(
      'fairlead_events_lost_total',
      'Events that were not posted, by reason.',
      ['reason'],
    );
  }

  synced({ family, lines, objects, adopted }: SyncSample): void {
    const labels = labelsOf(family);
    this.#ledger.set(labels, objects);
    this.#planLines.set(labels, lines);
    this.#appliedLines.inc(labels, lines);
    if (adopted !== undefined) this.#adopted.set(labels, adopted);
  }

  failed({ family, code }: SyncFailureSample): void {
    this.#failures.inc({ ...labelsOf(family), code });
  }

  driftRepaired(family: Family, objects: number): void {
    this.#drift.inc(labelsOf(family), objects);
  }

  quarantined(family: Family, servicePorts: number): void {
    this.#quarantined.set(labelsOf(family), servicePorts);
  }

  contested(family: Family, servicePorts: number): void {
    this.#contested.set(labelsOf(family), servicePorts);
  }

  anotherProxy(family: Family, writing: boolean): void {
    this.#anotherProxy.set(labelsOf(family), writing ? 1 : 0);
  }

  /** @param at ms since the epoch */
  contact(kind: Kind, at: number): void {
    this.#contacts.set(kind, at);
  }

  listed(kind: Kind, reason: RelistReason): void {
    this.#lists.inc({ resource: RESOURCES[kind], reason });
  }

  eventLost(reason: EventLoss): void {
    this.#eventsLost.inc({ reason });
  }

  *#ages(now: number): Iterable<readonly [{ resource: string }, number]> {
    for (const [kind, at] of this.#contacts) {
      yield [{ resource: RESOURCES[kind] }, Math.max(0, now - at) / 1000];
    }
  }
}
