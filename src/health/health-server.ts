import type { RequestListener, ServerResponse } from 'node:http';
import type { Family } from '../../rules/model.ts';
import type { NodeObject } from '../tracker/node.ts';
import type { HealthReport, ProxyHealth } from './proxy-health.ts';

/** Where `/healthz` answers for load balancers and `/livez` for the kubelet. */
export type HealthEndpoint = 'healthz' | 'livez';

export interface HealthHandlerOptions {
  readonly health: ProxyHealth;
  /** The Node as it is now; undefined while it is unseen, and once it is gone. */
  readonly node: () => Pick<NodeObject, 'taints' | 'deleting'> | undefined;
  /** An answer was given: for metrics. */
  readonly served?: (endpoint: HealthEndpoint, status: number) => void;
}

/** The cluster autoscaler's mark on a Node that it is about to remove (KEP-3836). */
const TO_BE_DELETED_TAINT = 'ToBeDeletedByClusterAutoscaler';

/** Answers on kube-proxy's port 10256, whatever the method, as kube-proxy does. */
export function healthHandler({ health, node, served }: HealthHandlerOptions): RequestListener {
  return (request, response) => {
    const path = request.url?.split('?', 1)[0];
    if (path !== '/healthz' && path !== '/livez') {
      response.writeHead(404, { 'Content-Type': 'text/plain; charset=utf-8', ...NO_SNIFF });
      response.end('404 page not found\n');
      return;
    }
    const report = health.report();
    const nodeEligible = path === '/healthz' ? isEligible(node()) : undefined;
    const status = report.healthy && nodeEligible !== false ? 200 : 503;
    served?.(path === '/healthz' ? 'healthz' : 'livez', status);
    sendJson(response, status, JSON.stringify(healthBody(report, nodeEligible, status === 200)));
  };
}

/** The Node takes traffic from load balancers: it is there, and nobody is removing it. */
export function isEligible(node: Pick<NodeObject, 'taints' | 'deleting'> | undefined): boolean {
  return node !== undefined && !node.deleting && !node.taints.includes(TO_BE_DELETED_TAINT);
}

/** A JSON answer with the headers that all health endpoints have. */
export function sendJson(
  response: ServerResponse,
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    ...NO_SNIFF,
    ...headers,
  });
  response.end(body);
}

const NO_SNIFF = { 'X-Content-Type-Options': 'nosniff' };

const IP_FAMILIES: Readonly<Record<Family, string>> = { ipv4: 'IPv4', ipv6: 'IPv6' };

/** What Go prints for a time that was never set. */
const NEVER = '0001-01-01T00:00:00Z';

/** The fields in kube-proxy's order. A good answer calls itself updated now, as kube-proxy's always have. */
function healthBody(report: HealthReport, nodeEligible: boolean | undefined, good: boolean): object {
  const { now, healthy, lastUpdated, families } = report;
  const shown = good ? now : lastUpdated;
  const status = [...families].map(([family, state]) => [
    IP_FAMILIES[family],
    { lastUpdated: new Date(state.lastUpdated), healthy: state.healthy },
  ]);
  return {
    lastUpdated: shown === undefined ? NEVER : new Date(shown),
    currentTime: new Date(now),
    ...(nodeEligible === undefined ? {} : { nodeEligible }),
    healthy,
    ...(status.length === 0 ? {} : { status: Object.fromEntries(status) }),
  };
}
