import type { Family } from '../../rules/model.ts';
import type { Backend } from './suite.ts';

/**
 * A dataplane in the lab, and where it differs from others on purpose. What is not a property here is the same for
 * all of them.
 */
export interface LabDataplane {
  readonly flags: readonly string[];
  /**
   * Families in which node ports answer on the loopback address. kube-proxy's reference: iptables.localhostNodePorts
   * (IPv4 only, as route_localnet has no counterpart in IPv6); KEP-3866: never in nftables mode.
   */
  readonly loopbackNodePorts: readonly Family[];
  /**
   * Whether node ports answer on every address of the node where nodePortAddresses is not set. KEP-3866: in nftables
   * mode only on the node's primary addresses.
   */
  readonly secondaryNodePorts: boolean;
}

export function iptablesDataplane(backend: Backend): LabDataplane {
  return {
    flags: ['--iptables-backend', backend],
    loopbackNodePorts: ['ipv4'],
    secondaryNodePorts: true,
  };
}

export const NFTABLES: LabDataplane = {
  flags: ['--mode=nftables'],
  loopbackNodePorts: [],
  secondaryNodePorts: false,
};
