import type { KernelObject } from '../fragment.ts';
import type { Address, Protocol } from '../model.ts';
import { endpointText } from '../model.ts';

/**
 * Objects of one IP family, by key:
 * - `set NAME`: its text is its definition
 * - `entry NAME ELEMENT`
 * - `address ADDRESS` on kube-ipvs0
 * - `virtual PROTOCOL ADDRESS:PORT`: its text is its options and then a line for each real server, in order, all as
 *   `ipvsadm -Sn` prints them
 * - `stranger PROTOCOL ADDRESS:PORT`: a virtual server that is not ours (in a ledger only)
 * - `chain TABLE NAME`: its text is its rules, see chains.ts
 * - `rule TABLE CHAIN RULE`: a rule of a chain that we share with others, or whose order does not count
 */
export type ObjectKind = 'set' | 'entry' | 'address' | 'virtual' | 'stranger' | 'chain' | 'rule';

export function setObject(name: string, definition: string): KernelObject {
  return { key: `set ${name}`, text: definition };
}

export function entryObject(set: string, element: string): KernelObject {
  return { key: `entry ${set} ${element}`, text: '' };
}

export function addressObject(address: Address): KernelObject {
  return { key: `address ${address}`, text: '' };
}

export function chainObject(table: string, chain: string, lines: readonly string[]): KernelObject {
  return { key: `chain ${table} ${chain}`, text: lines.join('\n') };
}

export function ruleObject(table: string, chain: string, rule: string): KernelObject {
  return { key: `rule ${table} ${chain} ${rule}`, text: '' };
}

/** Where a virtual server listens. */
export interface VirtualAddress {
  readonly protocol: Protocol;
  readonly address: Address;
  readonly port: number;
}

export function virtualObject(at: VirtualAddress, options: string, reals: readonly string[]): KernelObject {
  return { key: `virtual ${at.protocol} ${endpointText(at)}`, text: [options, ...reals].join('\n') };
}

/** A real server as ipvsadm prints it: masquerading, with this weight. */
export function realServer(server: string, weight: number): string {
  return `-r ${server} -m -w ${weight}`;
}

/** The `ADDRESS:PORT` of a real server's line. */
export function serverOf(real: string): string {
  return real.slice(3, real.indexOf(' ', 3));
}

export function isDraining(real: string): boolean {
  return real.endsWith(' -w 0');
}

/** ipvsadm's option for each protocol. */
export const SERVICE_OPTIONS: Readonly<Record<Protocol, string>> = {
  tcp: '-t',
  udp: '-u',
  sctp: '--sctp-service',
};

/** The kind, and what follows it. */
export function splitKey(key: string): { readonly kind: ObjectKind; readonly rest: string } {
  const space = key.indexOf(' ');
  return { kind: key.slice(0, space) as ObjectKind, rest: key.slice(space + 1) };
}

/** Text up to the first space, and what follows it. */
export function splitWord(text: string): readonly [string, string] {
  const space = text.indexOf(' ');
  return space < 0 ? [text, ''] : [text.slice(0, space), text.slice(space + 1)];
}

/** `virtual tcp 10.96.0.1:443` as ipvsadm takes it: `-t 10.96.0.1:443`. */
export function serviceArguments(rest: string): string {
  const [protocol, server] = splitWord(rest);
  return `${SERVICE_OPTIONS[protocol as Protocol]} ${server}`;
}

/** The address of `10.96.0.1:443` or `[fd00::1]:443`. */
export function hostOf(server: string): Address {
  return server.slice(0, server.lastIndexOf(':')).replace(/^\[|\]$/g, '') as Address;
}

export function portOf(server: string): number {
  return Number(server.slice(server.lastIndexOf(':') + 1));
}
