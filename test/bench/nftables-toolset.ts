import { adoptTable } from '../../rules/nftables/adopt.ts';
import { servicePortChains } from '../../rules/nftables/names.ts';
import type { Signs } from './signs.ts';
import type { Toolset } from './toolset.ts';

const TABLE = 'ip kube-proxy';
const SERVICES = 'service-ips';

const signs: Signs = {
  endpointAdded: (servicePort) => [`+rule ${TABLE} ${servicePortChains(servicePort).cluster}`],
  thisEndpointAdded: (servicePort, { address }) => [
    `+rule ${TABLE} ${servicePortChains(servicePort).cluster}`,
    `+value ${address}`,
  ],
  endpointRemoved: (servicePort) => [`-rule ${TABLE} ${servicePortChains(servicePort).cluster}`],
  serviceAdded: (servicePort) => [
    `+element ${TABLE} ${SERVICES}`,
    `+rule ${TABLE} ${servicePortChains(servicePort).cluster}`,
  ],
  serviceRemoved: () => [`-element ${TABLE} ${SERVICES}`],
};

/** nftables mode: a chain for each ServicePort, and an element that leads to it. */
export const nftablesToolset: Toolset = {
  backend: 'nft',
  table: TABLE,
  signs,
  version: ['nft', '--version'],
  list: ['nft', '-s', 'list', 'table', ...TABLE.split(' ')],
  restore: 'nft',
  apply: (tool) => [tool, '-f', '-'],
  size: (rules) => {
    const keys = [...adoptTable(rules).keys()];
    const elements = keys.filter((key) => key.startsWith(`element ${SERVICES} `)).length;
    return { rules: countRules(rules), entries: 0, elements };
  },
  count: countRules,
  differences: (expected, actual) => {
    const [wanted, found] = [adoptTable(expected), adoptTable(actual)];
    const keys = new Set([...wanted.keys(), ...found.keys()]);
    return [...keys].filter((key) => wanted.get(key) !== found.get(key));
  },
};

function countRules(rules: string): number {
  let count = 0;
  for (const [key, body] of adoptTable(rules)) {
    if (!key.startsWith('chain ')) continue;
    count += body.split('\n').filter((line) => line !== '' && !/^(?:type|comment) /.test(line)).length;
  }
  return count;
}
