import type { Family } from '../../rules/model.ts';
import type { Counter, Gauge, Histogram, MetricFactory } from './factory.ts';

/** kube-proxy's names for IP families. */
const IP_FAMILIES: Readonly<Record<Family, string>> = { ipv4: 'IPv4', ipv6: 'IPv6' };

export interface FamilyLabels {
  readonly ip_family: string;
}

export function labelsOf(family: Family): FamilyLabels {
  return { ip_family: IP_FAMILIES[family] };
}

/**
 * Makes metrics with the label ip_family. Histograms and counters start at 0 for all families that may be
 * programmed: a series that begins with its first increase hides it from rate().
 */
export class FamilyMetricFactory {
  readonly #factory: MetricFactory;
  readonly #families: readonly Family[];

  constructor(factory: MetricFactory, families: readonly Family[]) {
    this.#factory = factory;
    this.#families = families;
  }

  histogram(name: string, help: string, buckets: readonly number[]): Histogram<'ip_family'> {
    const histogram = this.#factory.histogram(name, help, ['ip_family'], buckets);
    for (const family of this.#families) histogram.zero(labelsOf(family));
    return histogram;
  }

  counter(name: string, help: string): Counter<'ip_family'> {
    const counter = this.#factory.counter(name, help, ['ip_family']);
    for (const family of this.#families) counter.inc(labelsOf(family), 0);
    return counter;
  }

  /** @param initial absent: no series before the first value */
  gauge(name: string, help: string, initial?: number): Gauge<'ip_family'> {
    const gauge = this.#factory.gauge(name, help, ['ip_family']);
    if (initial !== undefined) for (const family of this.#families) gauge.set(labelsOf(family), initial);
    return gauge;
  }
}
