import { MetricFactory } from './factory.ts';

/** What `/metrics/slis` shows: how checks of this component went (KEP-3466). A registry of its own. */
export class SliMetrics {
  #factory = new MetricFactory();
  #series = seriesIn(this.#factory);

  /** @param type the endpoint that was asked: `healthz` */
  checked(name: string, type: string, good: boolean): void {
    this.#series.now.set({ name, type }, good ? 1 : 0);
    this.#series.total.inc({ name, type, status: good ? 'success' : 'error' });
  }

  /** Forgets all checks so far. */
  reset(): void {
    this.#factory = new MetricFactory();
    this.#series = seriesIn(this.#factory);
  }

  text(): Promise<string> {
    return this.#factory.text();
  }

  get contentType(): string {
    return this.#factory.contentType;
  }
}

function seriesIn(factory: MetricFactory) {
  return {
    now: factory.gauge('kubernetes_healthcheck', '1 where the check went well when it was last made.', [
      'name',
      'type',
    ]),
    total: factory.counter('kubernetes_healthchecks_total', 'Checks made, by how they went.', [
      'name',
      'type',
      'status',
    ]),
  };
}
