import type { Family, ServicePort, ServicePortKey } from '../../rules/model.ts';

/** A Service whose health-check node port is to answer on this node. */
export interface HealthCheckService {
  readonly port: number;
  /** Ready endpoints on this node. */
  readonly localReadyEndpoints: number;
}

/** Keeps account of health-check node ports, ServicePort by ServicePort. Holds only what has one. */
export class HealthCheckServices {
  readonly #entries = new Map<string, Entry>();

  /** The ServicePort is like this now; undefined: gone. */
  update(family: Family, key: ServicePortKey, servicePort: ServicePort | undefined): void {
    const id = `${family} ${key}`;
    if (servicePort === undefined || servicePort.healthCheckNodePort === 0) {
      this.#entries.delete(id);
      return;
    }
    const { namespace, service, healthCheckNodePort: port, endpoints } = servicePort;
    const local = endpoints.filter((endpoint) => endpoint.local && endpoint.ready);
    const addresses = local.map(({ address }) => address);
    this.#entries.set(id, { service: `${namespace}/${service}`, family, port, addresses });
  }

  /**
   * By `namespace/name`. Addresses count, not ports: kube-proxy counts Pods. A Pod with an address of each family is
   * one Pod, so the family with more of them tells.
   */
  get services(): ReadonlyMap<string, HealthCheckService> {
    const found = new Map<string, { port: number } & Record<Family, Set<string>>>();
    for (const { service, family, port, addresses } of this.#entries.values()) {
      const counted = found.get(service) ?? { port, ipv4: new Set(), ipv6: new Set() };
      found.set(service, counted);
      for (const address of addresses) counted[family].add(address);
    }
    return new Map(
      [...found].map(([service, { port, ipv4, ipv6 }]) => [
        service,
        { port, localReadyEndpoints: Math.max(ipv4.size, ipv6.size) },
      ]),
    );
  }
}

interface Entry {
  /** `namespace/name`. */
  readonly service: string;
  readonly family: Family;
  readonly port: number;
  readonly addresses: readonly string[];
}
