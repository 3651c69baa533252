import type { Address, Protocol } from '../model.ts';

/** The first packet of a connection. */
export interface Packet {
  readonly source: Address;
  readonly sourcePort: number;
  readonly destination: Address;
  readonly port: number;
  readonly protocol: Protocol;
  /**
   * The interface by which it reaches the node, empty where that is not known; undefined: a process of the node itself
   * sends it.
   */
  readonly from: string | undefined;
}

/** What decides about a packet besides the rules. */
export interface Host {
  /** All addresses of the node's interfaces, of one family. Addresses in 127.0.0.0/8 and ::1 are local anyway. */
  readonly localAddresses: readonly Address[];
  /** The interface by which packets to an address leave; undefined where that is not known. */
  readonly interfaceTo?: (destination: Address) => string | undefined;
}
