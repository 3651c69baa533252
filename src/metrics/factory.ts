import Counter from 'prom-client/lib/counter.js';
import Gauge from 'prom-client/lib/gauge.js';
import Histogram from 'prom-client/lib/histogram.js';
import Registry from 'prom-client/lib/registry.js';

export type { Counter, Gauge, Histogram };

/** Makes metrics that belong to one registry, and to no other. */
export class MetricFactory {
  readonly #registry = new Registry();
  readonly #registers = [this.#registry];

  counter<L extends string = never>(name: string, help: string, labels: readonly L[] = []): Counter<L> {
    return new Counter({ name, help, labelNames: labels, registers: this.#registers });
  }

  gauge<L extends string = never>(name: string, help: string, labels: readonly L[] = []): Gauge<L> {
    return new Gauge({ name, help, labelNames: labels, registers: this.#registers });
  }

  histogram<L extends string = never>(
    name: string,
    help: string,
    labels: readonly L[],
    buckets: readonly number[],
  ): Histogram<L> {
    const registers = this.#registers;
    return new Histogram({ name, help, labelNames: labels, buckets: [...buckets], registers });
  }

  /**
   * A counter that somebody else keeps, read at each scrape.
   * @param read the value; undefined where there is none now: no sample
   */
  counterFrom(name: string, help: string, read: () => Reading | Promise<Reading>): void {
    new Counter({
      name,
      help,
      registers: this.#registers,
      async collect() {
        const value = await readingOf(read);
        this.reset();
        if (value === undefined) this.remove();
        else this.inc(value);
      },
    });
  }

  /** A gauge that is read at each scrape, as counterFrom. */
  gaugeFrom(name: string, help: string, read: () => Reading | Promise<Reading>): void {
    new Gauge({
      name,
      help,
      registers: this.#registers,
      async collect() {
        const value = await readingOf(read);
        if (value === undefined) this.remove();
        else this.set(value);
      },
    });
  }

  /** A gauge with one label whose values are read at each scrape. */
  gaugesFrom<L extends string>(
    name: string,
    help: string,
    labels: readonly L[],
    read: () => Iterable<readonly [Readonly<Record<L, string>>, number]>,
  ): void {
    new Gauge<L>({
      name,
      help,
      labelNames: labels,
      registers: this.#registers,
      collect() {
        this.reset();
        for (const [values, value] of read()) this.set(values, value);
      },
    });
  }

  /** All metrics in Prometheus' text format. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** What `text` is, for the header Content-Type. */
  get contentType(): string {
    return this.#registry.contentType;
  }
}

type Reading = number | undefined;

/** One source that fails takes its own metric away, not all the others. */
async function readingOf(read: () => Reading | Promise<Reading>): Promise<Reading> {
  try {
    const value = await read();
    return value !== undefined && Number.isFinite(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
