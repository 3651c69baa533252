import type { Dump, DumpReader } from '../../conformance/compare/dump.ts';
import { readIptablesSave } from '../../conformance/compare/iptables-save.ts';

/** How the outputs of ipvs mode's tools are made comparable, by the names of their files. */
export const IPVS_READERS: Readonly<Record<string, DumpReader>> = {
  'ipvs/ipvsadm.txt': readIpvsadm,
  'ipvs/ipset.txt': readIpset,
  'ipvs/addresses.txt': readAddresses,
  'ipvs/iptables-save.txt': readIptablesSave,
  'ipvs/ip6tables-save.txt': readIptablesSave,
};

/** `ipvsadm -Sn`: each virtual server with its real servers, whose order does not count. */
export function readIpvsadm(text: string): Dump {
  return grouped(text, (words) => `virtual server ${words.slice(1, 3).join(' ')}`);
}

/** `ipset save`: each set with its entries. What the kernel chooses by itself does not count. */
export function readIpset(text: string): Dump {
  const plain = text.replace(/ (initval|hashsize|bucketsize) \S+/g, '');
  return grouped(plain, (words) => `set ${words[1]}`);
}

/** A line for each address. */
export function readAddresses(text: string): Dump {
  return grouped(text, () => 'addresses');
}

function grouped(text: string, nameOf: (words: readonly string[]) => string): Dump {
  const dump = new Map<string, string[]>();
  for (const line of text.split('\n').map((raw) => raw.trim())) {
    if (line === '') continue;
    const name = nameOf(line.split(' '));
    const lines = dump.get(name) ?? [];
    lines.push(line);
    dump.set(name, lines);
  }
  for (const lines of dump.values()) lines.sort();
  return dump;
}
