import { cidrContains, hostCidr } from '../address.ts';
import type { Fragment, KernelObject } from '../fragment.ts';
import type { Address, Cidr, Endpoint, NodeFacts, ProxySettings, ServicePort } from '../model.ts';
import { endpointText } from '../model.ts';
import type { EndpointChoice } from '../topology.ts';
import { chooseEndpoints } from '../topology.ts';
import { SHARED_CHAIN } from './chains.ts';
import { nodePortAddresses } from './node-addresses.ts';
import { addressObject, entryObject, realServer, ruleObject, virtualObject } from './objects.ts';
import type { SetId } from './sets.ts';
import { setName } from './sets.ts';

export interface IpvsOptions {
  /** As ipvsadm names it. */
  readonly scheduler: string;
}

/** What fragments of one sync have in common. */
export interface IpvsContext {
  readonly node: NodeFacts;
  readonly settings: ProxySettings;
  readonly options: IpvsOptions;
  readonly nodePortAddresses: readonly Address[];
  readonly nodeAddresses: ReadonlySet<Address>;
}

export function ipvsContext(node: NodeFacts, settings: ProxySettings, options: IpvsOptions): IpvsContext {
  return {
    node,
    settings,
    options,
    nodePortAddresses: nodePortAddresses(node, settings),
    nodeAddresses: new Set(node.localAddresses),
  };
}

/** All that one ServicePort contributes: virtual servers, addresses of kube-ipvs0, entries of ip sets. */
export function compileServicePort(servicePort: ServicePort, context: IpvsContext): Fragment {
  return new Compilation(servicePort, context).fragment();
}

class Compilation {
  readonly #servicePort: ServicePort;
  readonly #context: IpvsContext;
  readonly #choice: EndpointChoice;
  /** Ports of one Service share addresses, and two of its addresses may be one. */
  readonly #objects = new Map<string, KernelObject>();

  constructor(servicePort: ServicePort, context: IpvsContext) {
    this.#servicePort = servicePort;
    this.#context = context;
    this.#choice = chooseEndpoints(servicePort, context.node);
  }

  fragment(): Fragment {
    this.#hairpin();
    this.#clusterIP();
    this.#externalIPs();
    this.#loadBalancers();
    this.#nodePort();
    this.#healthCheck();
    return [...this.#objects.values()];
  }

  /** An endpoint that reaches itself by its Service sees its own address as the source, unless it is masqueraded. */
  #hairpin(): void {
    const { endpoints, protocol } = this.#servicePort;
    for (const { address, port, local } of endpoints) {
      if (local) this.#entry('KUBE-LOOP-BACK', `${address},${protocol}:${port},${address}`);
    }
  }

  #clusterIP(): void {
    const { clusterIP, port, internalPolicyLocal } = this.#servicePort;
    if (clusterIP === undefined) return;
    this.#entry('KUBE-CLUSTER-IP', this.#portal(clusterIP));
    this.#virtual(clusterIP, port, internalPolicyLocal);
    this.#bind(clusterIP);
  }

  #externalIPs(): void {
    const { externalIPs, externalPolicyLocal, port } = this.#servicePort;
    for (const address of externalIPs) {
      this.#entry(externalPolicyLocal ? 'KUBE-EXTERNAL-IP-LOCAL' : 'KUBE-EXTERNAL-IP', this.#portal(address));
      this.#virtual(address, port, externalPolicyLocal);
      this.#bind(address);
    }
  }

  #loadBalancers(): void {
    const { loadBalancerIPs, externalPolicyLocal, port, sourceRanges } = this.#servicePort;
    for (const address of loadBalancerIPs) {
      this.#entry('KUBE-LOAD-BALANCER', this.#portal(address));
      if (externalPolicyLocal) this.#entry('KUBE-LOAD-BALANCER-LOCAL', this.#portal(address));
      if (sourceRanges.length > 0) this.#firewall(address);
      this.#virtual(address, port, externalPolicyLocal);
      this.#bind(address);
    }
  }

  #firewall(address: Address): void {
    const { sourceRanges, protocol, port } = this.#servicePort;
    const portal = this.#portal(address);
    this.#entry('KUBE-LOAD-BALANCER-FW', portal);
    for (const range of sourceRanges) {
      this.#entry('KUBE-LOAD-BALANCER-SOURCE-CIDR', `${portal},${networkText(range)}`);
    }
    if (sourceRanges.some((range) => cidrContains(range, this.#context.node.nodeIP))) {
      // A node that is allowed talks to the load balancer's address from that very address: it has it.
      this.#entry('KUBE-LOAD-BALANCER-SOURCE-IP', `${portal},${address}`);
    } else {
      const what = `-m ipvs --vproto ${PROTOCOL_NUMBERS[protocol]} --vaddr ${address} --vport ${port}`;
      const { table, chain } = SHARED_CHAIN;
      this.#add(ruleObject(table, chain, `-s ${hostCidr(address)} ${what} -j DROP`));
    }
  }

  #nodePort(): void {
    const { nodePort, protocol, externalPolicyLocal } = this.#servicePort;
    const addresses = this.#context.nodePortAddresses;
    if (nodePort === 0 || addresses.length === 0) return;
    const sets: SetId[] = [NODE_PORT_SETS[protocol]];
    if (externalPolicyLocal) sets.push(LOCAL_NODE_PORT_SETS[protocol]);
    for (const set of sets) {
      if (protocol !== 'sctp') this.#entry(set, String(nodePort));
      else for (const address of addresses) this.#entry(set, `${address},${protocol}:${nodePort}`);
    }
    for (const address of addresses) this.#virtual(address, nodePort, externalPolicyLocal);
  }

  #healthCheck(): void {
    const { healthCheckNodePort, nodePort } = this.#servicePort;
    if (healthCheckNodePort === 0) return;
    // Where node ports have no address to answer on, nobody listens there for health checks either.
    if (nodePort !== 0 && this.#context.nodePortAddresses.length === 0) return;
    this.#entry('KUBE-HEALTH-CHECK-NODE-PORT', String(healthCheckNodePort));
  }

  #portal(address: Address): string {
    const { protocol, port } = this.#servicePort;
    return `${address},${protocol}:${port}`;
  }

  #virtual(address: Address, port: number, local: boolean): void {
    const { protocol, affinitySeconds } = this.#servicePort;
    const { scheduler } = this.#context.options;
    const persistence = affinitySeconds > 0 ? ` -p ${affinitySeconds}` : '';
    const flags = SCHEDULER_FLAGS.get(scheduler) ?? '';
    const options = `-s ${scheduler}${persistence}${flags}`;
    const reals = this.#endpoints(local).map((endpoint) => realServer(endpointText(endpoint), 1));
    this.#add(virtualObject({ protocol, address, port }, options, reals));
  }

  #endpoints(local: boolean): readonly Endpoint[] {
    const { cluster, local: own } = this.#choice;
    // Without local ones, Pods of this node still reach the Service: see kubernetes/kubernetes#97081.
    return local && own.length > 0 ? own : cluster;
  }

  /** Two interfaces with one address: the node would lose it with ours. */
  #bind(address: Address): void {
    if (this.#context.nodeAddresses.has(address)) return;
    this.#add(addressObject(address));
    this.#entry('KUBE-IPVS-IPS', address);
  }

  #entry(id: SetId, element: string): void {
    this.#add(entryObject(setName(id, this.#servicePort.family), element));
  }

  /** Where two of one ServicePort's destinations are the same, the last holds, as with kube-proxy. */
  #add(object: KernelObject): void {
    this.#objects.set(object.key, object);
  }
}

/** As the kernel prints it: a whole address goes without its length. */
function networkText(range: Cidr): string {
  const address = range.slice(0, range.indexOf('/')) as Address;
  return hostCidr(address) === range ? address : range;
}

const PROTOCOL_NUMBERS = { tcp: 6, udp: 17, sctp: 132 } as const;

const NODE_PORT_SETS = {
  tcp: 'KUBE-NODE-PORT-TCP',
  udp: 'KUBE-NODE-PORT-UDP',
  sctp: 'KUBE-NODE-PORT-SCTP-HASH',
} as const;

const LOCAL_NODE_PORT_SETS = {
  tcp: 'KUBE-NODE-PORT-LOCAL-TCP',
  udp: 'KUBE-NODE-PORT-LOCAL-UDP',
  sctp: 'KUBE-NODE-PORT-LOCAL-SCTP-HASH',
} as const;

/** Maglev hashes source addresses and ports, as kube-proxy sets it up. */
const SCHEDULER_FLAGS: ReadonlyMap<string, string> = new Map([['mh', ' -b mh-port']]);
