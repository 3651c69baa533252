import { readdir, readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Family } from '../../rules/model.ts';

const CORPUS = fileURLToPath(new URL('../../fixtures/kube-proxy-1.36/', import.meta.url));

/** A cluster, and what kube-proxy programmed for it on a node. */
export interface CorpusCase {
  readonly name: string;
  readonly nodeName: string;
  /** `INTERFACE ADDR/LEN`. */
  readonly addresses: readonly { readonly interface: string; readonly address: string }[];
  readonly cluster: string;
  readonly config: string;
}

/** All cases of the conformance corpus, with the paths of their files. */
export async function corpusCases(): Promise<readonly CorpusCase[]> {
  const entries = await readdir(CORPUS, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return await Promise.all(names.sort().map(readCase));
}

/** The rules in the form that iptables-restore takes. */
export function corpusRules(name: string, family: Family): Promise<string> {
  const file = family === 'ipv4' ? 'iptables-save.txt' : 'ip6tables-save.txt';
  return readFile(`${CORPUS}${name}/expected/${file}`, 'utf8');
}

/** The arguments of `ip` that give a node of the corpus its addresses. */
export function addressCommands(of: CorpusCase): readonly string[] {
  return of.addresses.map(
    ({ interface: device, address }) =>
      `addr add ${address} dev ${device}${isIPv6(address.split('/')[0] ?? '') ? ' nodad' : ''}`,
  );
}

async function readCase(name: string): Promise<CorpusCase> {
  const text = await readFile(`${CORPUS}${name}/node.txt`, 'utf8');
  const words = text.split('\n').map((line) => line.split(' '));
  return {
    name,
    nodeName: words.find(([key]) => key === 'name')?.[1] ?? '',
    addresses: words.flatMap(([key, device = '', address = '']) =>
      key === 'interface' ? [{ interface: device, address }] : [],
    ),
    cluster: `${CORPUS}${name}/cluster.yaml`,
    config: `${CORPUS}${name}/config.yaml`,
  };
}
