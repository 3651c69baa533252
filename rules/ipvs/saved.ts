import { parseAddress } from '../address.ts';
import type { Address, Protocol } from '../model.ts';
import { compareText } from '../topology.ts';
import { SERVICE_OPTIONS } from './objects.ts';

/** A virtual server as the kernel has it. */
export interface SavedVirtual {
  readonly protocol: Protocol;
  /** `ADDRESS:PORT`. */
  readonly server: string;
  /** As `ipvsadm -Sn` prints them. */
  readonly options: string;
  /** Lines of real servers, without what they have in common, in order. */
  readonly reals: readonly string[];
}

const PROTOCOLS: ReadonlyMap<string, Protocol> = new Map(
  (Object.keys(SERVICE_OPTIONS) as Protocol[]).map((protocol) => [SERVICE_OPTIONS[protocol], protocol]),
);

/** Reads the output of `ipvsadm -Sn`, without what is known by a firewall mark: such servers have no address. */
export function parseIpvsadm(text: string): SavedVirtual[] {
  const found = new Map<string, SavedVirtual & { readonly reals: string[] }>();
  for (const line of text.split('\n')) {
    const [, command, option = '', server = '', rest = ''] = /^-([Aa]) (\S+) (\S+) ?(.*)$/.exec(line) ?? [];
    const protocol = PROTOCOLS.get(option);
    if (command === undefined || protocol === undefined) continue;
    const key = `${protocol} ${server}`;
    if (command === 'A') found.set(key, { protocol, server, options: rest.trimEnd(), reals: [] });
    else found.get(key)?.reals.push(rest.trimEnd());
  }
  for (const { reals } of found.values()) reals.sort(compareText);
  return [...found.values()];
}

/** What `ipset save` prints, by the sets' names. */
export interface SavedSet {
  /** Type and options, without what the kernel chooses and changes. */
  readonly definition: string;
  readonly entries: string[];
}

/** In any order of lines. */
export function parseIpset(text: string): Map<string, SavedSet> {
  const sets = new Map<string, { definition: string; readonly entries: string[] }>();
  for (const line of text.split('\n')) {
    const [, command, name = '', rest = ''] = /^(create|add) (\S+) (.*)$/.exec(line) ?? [];
    if (command === undefined) continue;
    const set = sets.get(name) ?? { definition: '', entries: [] };
    sets.set(name, set);
    if (command === 'add') set.entries.push(rest.trimEnd());
    else set.definition = rest.replace(/ (hashsize|bucketsize|initval) \S+/g, '').trimEnd();
  }
  return sets;
}

/** The addresses in `ip -j address show dev kube-ipvs0`; empty where there is no such interface. */
export function parseAddresses(json: string): Address[] {
  if (json.trim() === '') return [];
  const links: unknown = JSON.parse(json);
  const found: Address[] = [];
  for (const link of Array.isArray(links) ? links : []) {
    for (const info of listOf(link, 'addr_info')) {
      const local = fieldOf(info, 'local');
      const address = typeof local === 'string' ? parseAddress(local) : undefined;
      // fe80:: is the kernel's own, where the interface is up.
      if (address !== undefined && fieldOf(info, 'scope') !== 'link') found.push(address);
    }
  }
  return found;
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function listOf(value: unknown, name: string): readonly unknown[] {
  const list = fieldOf(value, name);
  return Array.isArray(list) ? list : [];
}
