import type { RequestListener } from 'node:http';
import type { Clock } from '../cluster/clock.ts';
import type { Mode } from '../config/settings.ts';
import { SliMetrics } from '../metrics/sli-metrics.ts';
import { guarded } from './access.ts';
import { profileRoutes } from './profiles.ts';
import { type Answer, JSON_TYPE, type Route, type RouteRequest, routeHandler, TEXT, text } from './route.ts';
import { flagz, statusz } from './z-pages.ts';

export interface DebugHandlerOptions {
  readonly mode: Mode;
  readonly version: string;
  readonly clock: Clock;
  /** The metrics, in Prometheus' text format. */
  readonly metrics: { text(): Promise<string>; readonly contentType: string };
  /** The configuration in use, as a v1alpha1 object. */
  readonly config: object;
  /** Flags with the values in use, sorted by name. */
  readonly flags: readonly { readonly name: string; readonly value: string }[];
  /** What is programmed, as a dry run prints it, in parts; undefined: nothing yet. */
  readonly rules: () => Iterable<string> | AsyncIterable<string> | undefined;
  /** Profiles, and the log's verbosity. */
  readonly profiling: boolean;
  /** Logs at this verbosity (`-v`) from now on. */
  readonly setVerbosity?: (verbosity: number) => void;
  /** Answers of others. */
  readonly more?: readonly Route[];
}

/**
 * Answers on kube-proxy's port 10249: metrics, and what helps to find out what goes on. Probes and Prometheus may come
 * by any name; what tells about the cluster and its configuration, or costs something, is guarded from other sites.
 */
export function debugHandler(options: DebugHandlerOptions): RequestListener {
  const { mode, version, clock, metrics, config, flags, rules, profiling, more = [] } = options;
  const slis = new SliMetrics();
  const started = clock.now();
  // The one check is that somebody answers; it is called what kube-proxy's is.
  const healthz = (answer: Answer): Answer => {
    slis.checked('ping', 'healthz', true);
    return answer;
  };
  const open: readonly Route[] = [
    {
      path: '/healthz',
      answer: ({ query }) =>
        healthz(text(query.has('verbose') ? '[+]ping ok\nhealthz check passed\n' : 'ok')),
    },
    { path: '/healthz/ping', answer: () => healthz(text('ok')) },
    {
      path: '/metrics',
      answer: async () => ({ type: metrics.contentType, body: await metrics.text() }),
    },
    { path: '/metrics/slis', methods: ['DELETE'], answer: (request) => sliAnswer(slis, request) },
    { path: '/proxyMode', answer: () => text(mode) },
  ];
  const others: Route[] = [
    {
      path: '/configz',
      answer: () => ({ type: JSON_TYPE, body: `${JSON.stringify({ 'kubeproxy.config.k8s.io': config })}\n` }),
    },
    { path: '/flagz', answer: (request) => flagz(flags, request) },
    {
      path: '/debug/rules',
      answer: () => {
        const body = rules();
        return body === undefined
          ? text('nothing is programmed yet: the first sync is still to come\n', 503)
          : { type: TEXT, body };
      },
    },
    ...(profiling ? [...profileRoutes(clock), ...verbosityRoutes(options)] : []),
    ...more,
  ];
  const paths = [...open, ...others]
    .map(({ path }) => path)
    .concat('/statusz')
    .sort();
  others.push({
    path: '/statusz',
    answer: (request) => statusz({ started, now: clock.now(), version, paths }, request),
  });
  return routeHandler([...open, ...guarded(others)]);
}

async function sliAnswer(slis: SliMetrics, { method }: RouteRequest): Promise<Answer> {
  if (method !== 'DELETE') return { type: slis.contentType, body: await slis.text() };
  slis.reset();
  return text('metrics reset\n');
}

/** `/debug/flags/v`: kube-proxy's way of making a running process say more. */
function verbosityRoutes({ setVerbosity }: DebugHandlerOptions): readonly Route[] {
  if (setVerbosity === undefined) return [];
  return [
    {
      path: '/debug/flags/v',
      methods: ['PUT'],
      writeOnly: true,
      answer: async (request) => {
        const value = (await request.text()).trim();
        if (!/^\d{1,9}$/.test(value)) {
          return text(`v must be a whole number: current value is "${value}"\n`, 400);
        }
        setVerbosity(Number(value));
        return text(`v is ${value} from now on\n`);
      },
    },
  ];
}
