import { cidrContains, hostCidr, isLoopback, parseAddress, parseCidr } from '../address.ts';
import type { Address, Cidr } from '../model.ts';

/** Whether addresses are the node's own. */
export function localityOf(addresses: Iterable<Address>): (address: Address) => boolean {
  const local = new Set(addresses);
  return (address) => local.has(address) || isLoopback(address);
}

/** A protocol by the name that packets have it by. */
export function protocolName(text: string): string {
  return PROTOCOLS[text] ?? text;
}

const PROTOCOLS: Readonly<Record<string, string>> = { '6': 'tcp', '17': 'udp', '132': 'sctp' };

/** `10.0.0.0/8`, `10.0.0.0/255.0.0.0` or an address; several with commas. */
export function isIn(networks: string, address: Address): boolean {
  return networks.split(',').some((text) => {
    if (text === hostCidr(address) || text === address) return true;
    if (/\/(32|128)$/.test(text)) return parseCidr(text) === hostCidr(address);
    const network = networkOf(text);
    return network !== undefined && cidrContains(network, address);
  });
}

function networkOf(text: string): Cidr | undefined {
  const [host = '', mask = ''] = text.split('/');
  const bits = /^\d+\.\d+\.\d+\.\d+$/.test(mask) ? lengthOf(mask) : mask;
  const address = parseAddress(host);
  return mask === '' ? address && hostCidr(address) : parseCidr(`${host}/${bits}`);
}

function lengthOf(mask: string): number {
  return mask
    .split('.')
    .reduce((bits, octet) => bits + (Number(octet).toString(2).match(/1/g)?.length ?? 0), 0);
}

/** `80`, `8000:9000`, or several with commas. */
export function isInPorts(list: string, port: number): boolean {
  return list.split(',').some((text) => {
    const [low = 0, high = low] = text.split(':').map(Number);
    return low <= port && port <= high;
  });
}

/** `0x4000/0x4000`: value and mask. */
export function hasMark(value: string, mark: number): boolean {
  const [wanted = 0, mask = 0xffffffff] = value.split('/').map(Number);
  return (mark & mask) >>> 0 === wanted;
}

/** `eth0`, or `veth+` for all that begin so. */
export function isInterface(name: string, device: string): boolean {
  return name.endsWith('+') ? device.startsWith(name.slice(0, -1)) : device === name;
}
