import type { NodeFacts, ServicePort, ServicePortKey } from '../../rules/model.ts';
import { chooseEndpoints } from '../../rules/topology.ts';
import type { TrafficCounts } from './sync-sample.ts';

/**
 * Keeps account of the ServicePorts of one family that drop traffic here although they have endpoints: those with a
 * Local policy and none on this node. Holds only these.
 */
export class NoLocalEndpoints {
  readonly #lacking = new Map<ServicePortKey, Lack>();

  /** The ServicePort is like this now; undefined: gone. */
  update(key: ServicePortKey, servicePort: ServicePort | undefined, node: NodeFacts): void {
    const lack = servicePort && lackOf(servicePort, node);
    if (lack?.internal || lack?.external) this.#lacking.set(key, lack);
    else this.#lacking.delete(key);
  }

  get counts(): TrafficCounts {
    const lacking = [...this.#lacking.values()];
    return {
      internal: lacking.filter(({ internal }) => internal).length,
      external: lacking.filter(({ external }) => external).length,
    };
  }
}

interface Lack {
  readonly internal: boolean;
  readonly external: boolean;
}

function lackOf(servicePort: ServicePort, node: NodeFacts): Lack {
  const { internalPolicyLocal, externalPolicyLocal } = servicePort;
  if (!internalPolicyLocal && !externalPolicyLocal) return { internal: false, external: false };
  const { local, any } = chooseEndpoints(servicePort, node);
  const lacks = any && local.length === 0;
  return { internal: lacks && internalPolicyLocal, external: lacks && externalPolicyLocal };
}
