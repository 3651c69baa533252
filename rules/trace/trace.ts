import type { Address } from '../model.ts';

/** Where in the kernel's network stack a chain is called. */
export type Hook = 'PREROUTING' | 'INPUT' | 'FORWARD' | 'OUTPUT' | 'POSTROUTING';

/** One rule that matched, or one other thing in the kernel that decided. */
export interface Step {
  readonly hook: Hook;
  /** `nat`, `filter` for iptables; `ipvs` for the virtual servers; the table's name for nftables. */
  readonly table: string;
  /** The chain; for virtual servers the server, as `TCP 10.96.0.1:443 rr`. */
  readonly chain: string;
  /** How deep chains have called chains here: 0 in a chain that the hook itself calls. */
  readonly depth: number;
  /** As the mode's tool prints it. */
  readonly rule: string;
  /** What it does to the packet, in a few words: `goes on in KUBE-SVC-…`, `mark 0x4000`, `1 of 3 by chance`. */
  readonly effect: string;
  /** What of the rule cannot be told here, so that its effect is an assumption. */
  readonly doubt?: string;
}

/** One thing that can become of the packet. */
export interface Outcome {
  /** How likely, of 1; the shares of all outcomes of a packet are 1 together. */
  readonly share: number;
  /**
   * - `endpoint`: sent on to another address
   * - `pass`: no rule of the proxy sends it elsewhere: it goes to its destination
   */
  readonly verdict: 'endpoint' | 'pass' | 'drop' | 'reject';
  /** Where it goes: the endpoint, or for others its destination as it was. */
  readonly destination: Address;
  readonly port: number;
  /** Its source becomes an address of this node. */
  readonly masqueraded: boolean;
  /** A client that this happened to comes back to the same endpoint for so long. 0: no affinity. */
  readonly affinitySeconds: number;
  /** Every rule that matched, in order. */
  readonly steps: readonly Step[];
}

/** All that can become of a packet, the likeliest first, else by destination. Chance decides which. */
export type Trace = readonly Outcome[];
