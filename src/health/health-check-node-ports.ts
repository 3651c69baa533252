import type { RequestListener } from 'node:http';
import type { Clock } from '../cluster/clock.ts';
import type { Logger } from '../cluster/observer.ts';
import { reasonOf } from './bound-server.ts';
import type { HealthCheckService } from './health-check-services.ts';
import { sendJson } from './health-server.ts';
import { HttpListener } from './http-listener.ts';

export interface HealthCheckNodePortsOptions {
  /** Whether the proxy itself is well: unhealthy, it takes the node out of all load balancers. */
  readonly healthy: () => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A Service's port cannot be had. Called once until it can be; for an Event. `service` is `namespace/name`. */
  readonly refused?: (service: string, port: number, message: string) => void;
}

/**
 * Answers load balancers that ask whether this node has endpoints of a Service: one HTTP server for each Service and
 * address. A port that is in use is tried again every 5 s.
 */
export class HealthCheckNodePorts {
  readonly #options: HealthCheckNodePortsOptions;
  readonly #open = new Map<string, OpenPort>();
  #services: ReadonlyMap<string, HealthCheckService> = new Map();
  #hosts: readonly string[] = [];
  /** Ports are opened after those that are no longer wanted have been closed, one sync after the other. */
  #work: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: HealthCheckNodePortsOptions) {
    this.#options = options;
  }

  /**
   * These are all Services with such a port, by `namespace/name`. Answers change at once. Resolves when all ports
   * have been opened or tried. Never rejects.
   * @param hosts where to listen, as healthCheckHosts gives them
   */
  sync(services: ReadonlyMap<string, HealthCheckService>, hosts: readonly string[]): Promise<void> {
    if (this.#closed) return this.#work;
    this.#services = services;
    this.#hosts = hosts;
    return this.#settle();
  }

  /** Where the Service's port listens. */
  addresses(service: string): readonly { readonly address: string; readonly port: number }[] {
    const listeners = this.#open.get(service)?.listeners ?? [];
    return listeners.map(({ address }) => address).filter((address) => address !== undefined);
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#services = new Map();
    return this.#settle();
  }

  #settle(): Promise<void> {
    this.#work = this.#work.then(async () => {
      const hosts = this.#hosts.join(' ');
      const stale = [...this.#open].filter(
        ([service, open]) => open.port !== this.#services.get(service)?.port || open.hosts !== hosts,
      );
      for (const [service] of stale) this.#open.delete(service);
      await Promise.all(stale.flatMap(([, { listeners }]) => listeners.map((listener) => listener.close())));

      const missing = [...this.#services].filter(([service]) => !this.#open.has(service));
      const opened = missing.map(([service, { port }]) => ({ service, open: this.#listen(service, port) }));
      for (const { service, open } of opened) this.#open.set(service, open);
      await Promise.all(opened.flatMap(({ open }) => open.listeners.map((listener) => listener.start())));
    });
    return this.#work;
  }

  #listen(service: string, port: number): OpenPort {
    const { clock, logger } = this.#options;
    const handler = this.#handler(service);
    /** Hosts on which it is not to be had. */
    const troubled = new Set<string>();
    const refused = (host: string, error: NodeJS.ErrnoException): void => {
      const first = troubled.size === 0;
      troubled.add(host);
      if (!first) return;
      const message = `the health-check node port ${port} of Service ${service} cannot be opened: ${reasonOf(error)}`;
      logger.warn({ service, port, host, code: error.code }, `${message}; trying again every 5 s`);
      this.#options.refused?.(service, port, message);
    };
    const listening = (host: string): void => {
      if (!troubled.delete(host)) logger.debug({ service, port, host }, 'health-check node port open');
      else if (troubled.size === 0) logger.info({ service, port }, 'health-check node port open at last');
    };
    const listeners = this.#hosts.map((host) => {
      return new HttpListener({
        host,
        port,
        handler,
        clock,
        refused: (error) => refused(host, error),
        listening: () => listening(host),
      });
    });
    return { port, hosts: this.#hosts.join(' '), listeners };
  }

  /** Whatever the path and the method: what load balancers ask for differs. */
  #handler(service: string): RequestListener {
    const [namespace = '', name = ''] = service.split('/');
    return (_request, response) => {
      const localEndpoints = this.#services.get(service)?.localReadyEndpoints ?? 0;
      const serviceProxyHealthy = this.#options.healthy();
      const body = { service: { namespace, name }, localEndpoints, serviceProxyHealthy };
      const status = localEndpoints > 0 && serviceProxyHealthy ? 200 : 503;
      sendJson(response, status, JSON.stringify(body, null, '\t'), {
        'X-Load-Balancing-Endpoint-Weight': String(localEndpoints),
      });
    };
  }
}

interface OpenPort {
  readonly port: number;
  /** To be compared. */
  readonly hosts: string;
  readonly listeners: readonly HttpListener[];
}
