import type { RequestRecord } from '../cluster/observer.ts';
import { REQUEST_BUCKETS } from './buckets.ts';
import type { MetricFactory } from './factory.ts';

/** client-go's metrics of requests to the API server. */
export class RestClientMetrics {
  readonly #requests;
  readonly #durations;

  constructor(factory: MetricFactory) {
    this.#requests = factory.counter(
      'rest_client_requests_total',
      'Requests to the API server by HTTP status, method and host.',
      ['code', 'method', 'host'],
    );
    this.#durations = factory.histogram(
      'rest_client_request_duration_seconds',
      "From a request to the API server to the answer's head, by method and host.",
      ['verb', 'host'],
      REQUEST_BUCKETS,
    );
  }

  requestDone({ verb, code, host, ms }: RequestRecord): void {
    this.#requests.inc({ code, method: verb, host });
    this.#durations.observe({ verb, host }, ms / 1000);
  }
}
