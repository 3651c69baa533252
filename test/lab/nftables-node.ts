import type { Family } from '../../rules/model.ts';
import { systemClock } from '../../src/cluster/clock.ts';
import { type Exec, systemExec } from '../../src/dataplane/exec.ts';
import { NftablesDataplane } from '../../src/dataplane/nftables/dataplane.ts';
import { NftSession } from '../../src/dataplane/nftables/session.ts';
import { NftTools } from '../../src/dataplane/nftables/tools.ts';
import type { Namespace } from './namespaces.ts';

/** Runs programs in a namespace, and remembers what nft was given to apply. */
export class NamespaceExec implements Exec {
  readonly payloads: string[] = [];
  readonly #namespace: Namespace;

  constructor(namespace: Namespace) {
    this.#namespace = namespace;
  }

  run: Exec['run'] = (program, args, options = {}) => {
    if (args[0] === '-f') this.payloads.push(options.input ?? '');
    return systemExec.run('ip', ['netns', 'exec', this.#namespace.name, program, ...args], options);
  };
}

/** The dataplane of one family of a node, without a daemon. */
export function nftablesDataplane(family: Family, exec: Exec, path = 'nft'): NftablesDataplane {
  return new NftablesDataplane(new NftTools(family, { exec, path }));
}

/** A long-lived nft in a namespace. */
export function namespaceSession(namespace: Namespace, path = 'nft'): NftSession {
  return new NftSession({
    exec: {
      converse: (program, args, listener) =>
        systemExec.converse('ip', ['netns', 'exec', namespace.name, program, ...args], listener),
    },
    path,
    clock: systemClock,
  });
}

/**
 * Our table as nft prints it, but for the clients that session affinity remembers, which come and go by themselves; the
 * empty string where there is none.
 */
export async function listTable(namespace: Namespace, family: Family): Promise<string> {
  const table = `${family === 'ipv6' ? 'ip6' : 'ip'} kube-proxy`;
  const tables = await namespace.run(['nft', 'list', 'tables']);
  if (!tables.split('\n').includes(`table ${table}`)) return '';
  const text = await namespace.run(['nft', '-s', 'list', 'table', ...table.split(' ')]);
  return text.replace(/^(\tset affinity-[^}]*)\t\telements = \{[^}]*\}\n/gm, '$1');
}
