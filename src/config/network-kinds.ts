import { familyOf, parseAddress, parseCidr } from '../../rules/address.ts';
import type { Address, Cidr } from '../../rules/model.ts';
import { checkedTextKind, type Kind, listing, listKind } from './kinds.ts';
import { Refused } from './usage.ts';

export function addressKind(): Kind<Address> {
  return checkedTextKind('address', 'an IP address', parseAddress);
}

/** `ADDRESS:PORT`, the port where there is none being `port`. Empty stays empty: no server. */
export function hostPortKind(port: number): Kind<string> {
  return checkedTextKind('address:port', 'an IP address, alone or with a port from 1 to 65535', (text) => {
    if (text === '') return text;
    const address = parseAddress(text);
    if (address !== undefined) return hostPortText(address, port);
    const both = parseHostPort(text);
    return both && hostPortText(both.host, both.port);
  });
}

/** `1.2.3.4:80` or `[fd00::1]:80`; undefined where it is neither. */
export function parseHostPort(text: string): { host: Address; port: number } | undefined {
  const [, bracketed, bare, digits] = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(text) ?? [];
  const host = parseAddress(bracketed ?? bare ?? '');
  const port = Number(digits);
  return host !== undefined && port >= 1 && port <= 65_535 ? { host, port } : undefined;
}

/** The reverse of parseHostPort. */
export function hostPortText(host: Address, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

export function cidrsKind(): Kind<readonly Cidr[]> {
  return listKind(checkedTextKind('CIDR', 'a CIDR', parseCidr), 'CIDRs');
}

/** One CIDR or one of each family, written as one text with a comma. Empty: none. */
export function clusterCIDRKind(): Kind<readonly Cidr[]> {
  const allowed = 'a CIDR, or one of each family separated by a comma';
  const parse = (text: string) => {
    if (text === '') return [];
    const cidrs: Cidr[] = [];
    for (const part of text.split(',')) {
      const cidr = parseCidr(part);
      if (cidr === undefined) return new Refused(text, allowed);
      cidrs.push(cidr);
    }
    const [first, second] = cidrs;
    const paired = first !== undefined && second !== undefined && familyOf(first) !== familyOf(second);
    return cidrs.length === 1 || (cidrs.length === 2 && paired) ? cidrs : new Refused(text, allowed);
  };
  return {
    placeholder: 'CIDR[,CIDR]',
    parse: (texts) => parse(texts.at(-1) ?? ''),
    decode: (value) => (typeof value === 'string' ? parse(value) : new Refused(value, allowed)),
    encode: (cidrs) => cidrs.join(','),
  };
}

/** CIDRs, or the word `primary` alone. */
export function nodePortAddressesKind(): Kind<readonly (Cidr | 'primary')[]> {
  const item = checkedTextKind('CIDR', 'a CIDR or "primary"', (text) =>
    text === 'primary' ? text : parseCidr(text),
  );
  const list = listKind(item, 'CIDRs');
  const alone = (values: readonly (Cidr | 'primary')[] | Refused) =>
    !(values instanceof Refused) && values.length > 1 && values.includes('primary')
      ? new Refused(values, 'CIDRs, or "primary" alone')
      : values;
  return {
    ...list,
    placeholder: 'CIDR,...|primary',
    parse: (texts) => alone(list.parse(texts)),
    decode: (value) => alone(list.decode(value)),
  };
}

/** Addresses, each alone or with the length of its network's prefix: as `ip addr` shows those of an interface. */
export function interfaceAddressesKind(): Kind<readonly string[]> {
  const item = checkedTextKind('address', 'an IP address, alone or with a prefix length', (text) => {
    const [host = '', length, more] = text.split('/');
    const address = parseAddress(host);
    if (address === undefined || length === undefined) return address;
    return more === undefined && parseCidr(text) !== undefined ? `${address}/${Number(length)}` : undefined;
  });
  return listKind<string>(item, 'addresses');
}

/** The name of a network interface, or the beginning of one: what may stand in a rule. Empty: none. */
export function interfaceKind(length: number): Kind<string> {
  const allowed = `the name of a network interface, of at most ${length} letters, digits and _.@+=~-`;
  return checkedTextKind('name', allowed, (text) =>
    text.length <= length && /^(?:[A-Za-z0-9_][\w.@+=~-]*)?$/.test(text) ? text : undefined,
  );
}

/** kube-proxy's port ranges: empty, `10`, `10-20` or `10+5`. */
export function portRangeKind(): Kind<string> {
  const allowed = `a range of ports such as ${listing(['"300-2000"', '"300+50"', '"300"'])}`;
  return checkedTextKind('range', allowed, (text) => {
    if (text === '') return text;
    const [, first, sign, second] = /^(\d{1,5})(?:([-+])(\d{1,5}))?$/.exec(text.trim()) ?? [];
    if (first === undefined) return undefined;
    const from = Number(first);
    const to = sign === '+' ? from + Number(second) : Number(second ?? first);
    return from <= to && to <= 65_535 ? text.trim() : undefined;
  });
}
