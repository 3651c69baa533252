import { cidrContains, hostCidr } from '../address.ts';
import type { Fragment, KernelObject } from '../fragment.ts';
import type { Address, Endpoint, LocalDetector, NodeFacts, ProxySettings, ServicePort } from '../model.ts';
import { endpointText } from '../model.ts';
import { servicePortChains } from '../names.ts';
import { nodePortScope } from '../node-ports.ts';
import type { EndpointChoice } from '../topology.ts';
import {
  chooseEndpoints,
  isExternallyAccessible,
  usesClusterEndpoints,
  usesLocalEndpoints,
} from '../topology.ts';
import type { Table } from './chains.ts';
import { chainKey, ruleKey } from './chains.ts';
import { EndpointChains } from './endpoint-chains.ts';
import { probabilityText } from './probability.ts';
import { commentMatch, FULL_MASK } from './spelling.ts';

export interface CompileOptions {
  /** Comments on endpoint rules; off in clusters with more than 1,000 endpoints. */
  readonly endpointComments: boolean;
  /** What the same ServicePort was compiled to before: saves work where it has thousands of endpoints. */
  readonly before?: Fragment | undefined;
}

/**
 * All that one ServicePort contributes to the iptables rules of its family: its own chains, and its rules in the
 * shared ones. Every rule is spelled as iptables-save prints it.
 */
export function compileServicePort(
  servicePort: ServicePort,
  node: NodeFacts,
  settings: ProxySettings,
  options: CompileOptions,
): Fragment {
  return new Compilation(servicePort, node, settings, options).fragment();
}

class Compilation {
  readonly #objects: KernelObject[] = [];
  readonly #servicePort: ServicePort;
  readonly #node: NodeFacts;
  readonly #settings: ProxySettings;
  readonly #options: CompileOptions;
  readonly #choice: EndpointChoice;
  readonly #chains;
  readonly #endpointChains: EndpointChains;

  constructor(servicePort: ServicePort, node: NodeFacts, settings: ProxySettings, options: CompileOptions) {
    this.#servicePort = servicePort;
    this.#node = node;
    this.#settings = settings;
    this.#options = options;
    this.#choice = chooseEndpoints(servicePort, node);
    this.#chains = servicePortChains(servicePort);
    const { endpointComments: comments, before } = options;
    this.#endpointChains = new EndpointChains(servicePort, this.#choice.reachable, { comments, before });
  }

  fragment(): Fragment {
    this.#captureClusterIP();
    this.#captureExternal();
    this.#captureNodePort();
    this.#allowHealthCheck();
    this.#externalChain();
    this.#firewallChain();
    this.#policyChains();
    for (const object of this.#endpointChains.objects()) this.#objects.push(object);
    return this.#objects;
  }

  get #hasInternal(): boolean {
    return this.#choice.any && (!this.#servicePort.internalPolicyLocal || this.#choice.local.length > 0);
  }

  get #hasExternal(): boolean {
    return this.#choice.any && (!this.#servicePort.externalPolicyLocal || this.#choice.local.length > 0);
  }

  get #usesFirewall(): boolean {
    const { loadBalancerIPs, sourceRanges } = this.#servicePort;
    return this.#choice.any && loadBalancerIPs.length > 0 && sourceRanges.length > 0;
  }

  #captureClusterIP(): void {
    const { clusterIP, name } = this.#servicePort;
    if (clusterIP === undefined) return;
    if (this.#hasInternal) {
      this.#rule(
        'nat',
        'KUBE-SERVICES',
        this.#toAddress(clusterIP, `${name} cluster IP`, this.#internalChain),
      );
    } else {
      this.#rule('filter', 'KUBE-SERVICES', this.#toAddress(clusterIP, ...this.#refusal));
    }
  }

  #captureExternal(): void {
    const { externalIPs, loadBalancerIPs, name } = this.#servicePort;
    const { external, firewall } = this.#chains;
    if (this.#choice.any) {
      for (const ip of externalIPs) {
        this.#rule('nat', 'KUBE-SERVICES', this.#toAddress(ip, `${name} external IP`, external));
      }
      const target = this.#usesFirewall ? firewall : external;
      for (const ip of loadBalancerIPs) {
        this.#rule('nat', 'KUBE-SERVICES', this.#toAddress(ip, `${name} loadbalancer IP`, target));
      }
    }
    if (this.#usesFirewall) {
      const comment = `${name} traffic not accepted by ${firewall}`;
      for (const ip of loadBalancerIPs) {
        this.#rule('filter', 'KUBE-PROXY-FIREWALL', this.#toAddress(ip, comment, 'DROP'));
      }
    }
    if (!this.#hasExternal) {
      for (const ip of [...externalIPs, ...loadBalancerIPs]) {
        this.#rule('filter', 'KUBE-EXTERNAL-SERVICES', this.#toAddress(ip, ...this.#refusal));
      }
    }
  }

  #captureNodePort(): void {
    const { nodePort, name, protocol } = this.#servicePort;
    if (nodePort === 0) return;
    const port = `-m ${protocol} --dport ${nodePort}`;
    if (this.#choice.any) {
      const rule = `-p ${protocol} ${commentMatch(name)} ${port}`;
      if (this.#settings.nfacct && nodePortScope(this.#node, this.#settings).localhost) {
        const counted = `-d 127.0.0.0/8 ${rule} -m nfacct --nfacct-name  localhost_nps_accepted_pkts`;
        this.#rule('nat', 'KUBE-NODEPORTS', `${counted} -j ${this.#chains.external}`);
      }
      this.#rule('nat', 'KUBE-NODEPORTS', `${rule} -j ${this.#chains.external}`);
    }
    if (!this.#hasExternal) {
      const [why, target] = this.#refusal;
      this.#rule(
        'filter',
        'KUBE-EXTERNAL-SERVICES',
        `-p ${protocol} ${commentMatch(why)} -m addrtype --dst-type LOCAL ${port} -j ${target}`,
      );
    }
  }

  #allowHealthCheck(): void {
    const { healthCheckNodePort, name } = this.#servicePort;
    if (healthCheckNodePort === 0) return;
    const what = commentMatch(`${name} health check node port`);
    this.#rule('filter', 'KUBE-NODEPORTS', `-p tcp ${what} -m tcp --dport ${healthCheckNodePort} -j ACCEPT`);
  }

  /** What happens to traffic that finds no endpoint: comment and target. */
  get #refusal(): [string, string] {
    const { name, family } = this.#servicePort;
    if (this.#choice.any) return [`${name} has no local endpoints`, 'DROP'];
    const icmp = family === 'ipv6' ? 'icmp6-port-unreachable' : 'icmp-port-unreachable';
    return [`${name} has no endpoints`, `REJECT --reject-with ${icmp}`];
  }

  get #internalChain(): string {
    return this.#servicePort.internalPolicyLocal ? this.#chains.local : this.#chains.cluster;
  }

  /** Traffic to a cluster IP that did not come from a Pod may leave by another node: it needs this node's address. */
  #masqueradeRule(): string[] {
    const { clusterIP, name } = this.#servicePort;
    const { masqueradeAll, localDetector } = this.#settings;
    if (!this.#hasInternal || clusterIP === undefined) return [];
    if (!masqueradeAll && localDetector.kind === 'none') return [];
    const source = masqueradeAll ? NO_SOURCE : notLocalSource(localDetector);
    return [this.#toAddress(clusterIP, `${name} cluster IP`, 'KUBE-MARK-MASQ', source)];
  }

  #externalChain(): void {
    if (!this.#choice.any || !isExternallyAccessible(this.#servicePort)) return;
    const { name, externalPolicyLocal } = this.#servicePort;
    const { cluster, local, external } = this.#chains;
    const { localDetector } = this.#settings;
    const rules: string[] = [];
    if (externalPolicyLocal) {
      // What starts on this node is treated as if it had gone out to a load balancer and come back: it may use
      // every endpoint. The node's own traffic comes from the external address itself, hence the masquerade.
      if (localDetector.kind !== 'none') {
        const { address, device } = localSource(localDetector);
        rules.push(
          `${address}${device}${commentMatch(`pod traffic for ${name} external destinations`)} -j ${cluster}`,
        );
      }
      const fromHere = '-m addrtype --src-type LOCAL';
      rules.push(
        `${commentMatch(`masquerade LOCAL traffic for ${name} external destinations`)} ${fromHere} -j KUBE-MARK-MASQ`,
        `${commentMatch(`route LOCAL traffic for ${name} external destinations`)} ${fromHere} -j ${cluster}`,
      );
    } else {
      rules.push(`${commentMatch(`masquerade traffic for ${name} external destinations`)} -j KUBE-MARK-MASQ`);
    }
    if (this.#hasExternal) rules.push(`-j ${externalPolicyLocal ? local : cluster}`);
    this.#chain(external, rules);
  }

  #firewallChain(): void {
    if (!this.#usesFirewall) return;
    const { name, sourceRanges, loadBalancerIPs } = this.#servicePort;
    const { external, firewall } = this.#chains;
    const allow = (source: string) =>
      `-s ${source} ${commentMatch(`${name} loadbalancer IP`)} -j ${external}`;
    const rules = sourceRanges.map(allow);
    // A node that is allowed talks to the load balancer's address from that very address, where it has it.
    if (sourceRanges.some((range) => cidrContains(range, this.#node.nodeIP))) {
      rules.push(...loadBalancerIPs.map((ip) => allow(hostCidr(ip))));
    }
    rules.push(commentMatch(`other traffic to ${name} will be dropped by KUBE-PROXY-FIREWALL`));
    this.#chain(firewall, rules);
  }

  #policyChains(): void {
    const { cluster, local } = this.#chains;
    const masquerade = this.#masqueradeRule();
    const lists = [
      { chain: cluster, endpoints: this.#choice.cluster, used: usesClusterEndpoints(this.#servicePort) },
      { chain: local, endpoints: this.#choice.local, used: usesLocalEndpoints(this.#servicePort) },
    ];
    for (const { chain, endpoints, used } of lists) {
      if (!used || endpoints.length === 0) continue;
      this.#chain(chain, [
        ...(chain === this.#internalChain ? masquerade : []),
        ...this.#affinityRules(endpoints),
        ...this.#balanceRules(endpoints),
      ]);
    }
  }

  #affinityRules(endpoints: readonly Endpoint[]): string[] {
    const { affinitySeconds, family } = this.#servicePort;
    if (affinitySeconds === 0) return [];
    return endpoints.map((endpoint) => {
      const chain = this.#endpointChains.of(endpoint);
      const seen = `-m recent --rcheck --seconds ${affinitySeconds} --reap --name ${chain}`;
      return `${this.#endpointComment(endpoint)}${seen} --mask ${FULL_MASK[family]} --rsource -j ${chain}`;
    });
  }

  #balanceRules(endpoints: readonly Endpoint[]): string[] {
    return endpoints.map((endpoint, i) => {
      const left = endpoints.length - i;
      const chance = left > 1 ? `-m statistic --mode random --probability ${probabilityText(left)} ` : '';
      return `${this.#endpointComment(endpoint)}${chance}-j ${this.#endpointChains.of(endpoint)}`;
    });
  }

  #endpointComment(endpoint: Endpoint): string {
    if (!this.#options.endpointComments) return '';
    return `${commentMatch(`${this.#servicePort.name} -> ${endpointText(endpoint)}`)} `;
  }

  #toAddress(address: Address, why: string, target: string, source = NO_SOURCE): string {
    const { protocol, port } = this.#servicePort;
    const to = `${source.address}-d ${hostCidr(address)} ${source.device}-p ${protocol}`;
    return `${to} ${commentMatch(why)} -m ${protocol} --dport ${port} -j ${target}`;
  }

  #rule(table: Table, chain: string, rule: string): void {
    this.#objects.push({ key: ruleKey(table, chain, rule), text: '' });
  }

  #chain(chain: string, rules: readonly string[]): void {
    this.#objects.push({ key: chainKey('nat', chain), text: rules.join('\n') });
  }
}

/** Parts of a rule, each with a trailing space: iptables-save puts -s before -d, and -i after it. */
interface SourceMatch {
  readonly address: string;
  readonly device: string;
}

const NO_SOURCE: SourceMatch = { address: '', device: '' };

function localSource(detector: LocalDetector): SourceMatch {
  switch (detector.kind) {
    case 'none':
      return NO_SOURCE;
    case 'cidr':
      return { address: `-s ${detector.cidr} `, device: '' };
    case 'bridge':
      return { address: '', device: `-i ${detector.interface} ` };
    case 'prefix':
      return { address: '', device: `-i ${detector.prefix}+ ` };
  }
}

function notLocalSource(detector: LocalDetector): SourceMatch {
  const { address, device } = localSource(detector);
  return { address: address && `! ${address}`, device: device && `! ${device}` };
}
