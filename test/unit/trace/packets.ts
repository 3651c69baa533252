import { readFileSync } from 'node:fs';
import type { Address, Protocol } from '../../../rules/model.ts';
import type { Host, Packet } from '../../../rules/trace/packet.ts';

/** The node of the corpus. */
export const HOST: Host = {
  localAddresses: ['172.18.0.2', '127.0.0.1', 'fd00:172:18::2', '::1'] as Address[],
};

/** Who sends: an address, and the interface by which it comes in. */
export type PacketSender = readonly [string, string | undefined];

export const POD: PacketSender = ['10.244.0.5', 'cni0'];
export const OUTSIDE: PacketSender = ['192.0.2.9', 'eth0'];
export const STRANGER: PacketSender = ['8.8.8.8', 'eth0'];
export const OWN: PacketSender = ['172.18.0.2', undefined];

export function packet(
  [source, from]: PacketSender,
  destination: string,
  port: number,
  protocol: Protocol = 'tcp',
): Packet {
  return {
    source: source as Address,
    sourcePort: 40_000,
    destination: destination as Address,
    port,
    protocol,
    from,
  };
}

const CORPUS = new URL('../../../fixtures/kube-proxy-1.36/', import.meta.url);

/** A file of what kube-proxy programmed for a case. */
export function expected(name: string, file: string): string {
  return readFileSync(new URL(`${name}/expected/${file}`, CORPUS), 'utf8');
}
