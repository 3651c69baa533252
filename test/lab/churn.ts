import type { ApiServer } from '../apiserver/server.ts';
import { type Backing, type ServiceOptions, service, slices } from './manifest.ts';
import type { Random } from './random.ts';
import { LOCAL_PODS, REMOTE_POD } from './topology.ts';

const PODS = [...LOCAL_PODS, REMOTE_POD];
/** The first addresses are for Services that tests know by name. */
const FIRST = 20;

/** Services that come, change and go at random. Their cluster IPs begin with the 20th. */
export class Churn {
  readonly #api: ApiServer;
  readonly #random: Random;
  readonly #count: number;
  readonly #present = new Map<number, ServiceOptions>();

  /** @param count Services at most, below 200 */
  constructor(api: ApiServer, random: Random, count: number) {
    this.#api = api;
    this.#random = random;
    this.#count = count;
  }

  /** How many Services there are. */
  get size(): number {
    return this.#present.size;
  }

  /** Adds a Service, changes one, or removes one. */
  step(): void {
    const i = this.#random.below(this.#count);
    const options = this.#present.get(i);
    if (options === undefined) this.#put(i);
    else if (this.#random.chance(0.15)) this.#remove(i);
    else if (this.#random.chance(0.3)) this.#put(i);
    else
      for (const slice of slices(nameOf(i), this.#endpoints(), options.protocol)) {
        // Each family's slice is a write for itself, and may come alone.
        if (this.#random.chance(0.9)) this.#api.put(slice);
      }
  }

  #put(i: number): void {
    const random = this.#random;
    const exposed = random.chance(0.4);
    const options: ServiceOptions = {
      n: FIRST + i,
      endpoints: this.#endpoints(),
      protocol: random.chance(0.2) ? 'UDP' : 'TCP',
      external: random.chance(0.2),
      ...(exposed && { nodePort: 30_100 + i, balancer: random.chance(0.5) }),
      spec: {
        ...(exposed && random.chance(0.3) && { externalTrafficPolicy: 'Local' as const }),
        ...(random.chance(0.2) && { internalTrafficPolicy: 'Local' as const }),
        ...(random.chance(0.2) && { sessionAffinity: 'ClientIP' as const }),
      },
    };
    this.#present.set(i, options);
    for (const object of service(nameOf(i), options)) this.#api.put(object);
  }

  #remove(i: number): void {
    this.#present.delete(i);
    const name = nameOf(i);
    const rest = [`${name}-ipv4`, `${name}-ipv6`];
    if (this.#random.chance(0.5)) this.#api.delete('Service', 'default', name);
    for (const slice of rest) this.#api.delete('EndpointSlice', 'default', slice);
    this.#api.delete('Service', 'default', name);
  }

  #endpoints(): readonly Backing[] {
    const backings = PODS.filter(() => this.#random.chance(0.5));
    return backings.map((pod) => ({ pod, terminating: this.#random.chance(0.1) }));
  }
}

function nameOf(i: number): string {
  return `random-${i}`;
}
