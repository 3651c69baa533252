import { failed, NotKnown, ok, type Result } from '../check.ts';
import type { Ports } from '../ports.ts';

/** A process that programs Services. */
export interface Proxy {
  readonly name: string;
  readonly pid: number;
  /** It is in this network namespace; without root it may be in another one. */
  readonly isHere: boolean;
}

/** The proxies that run on this node. */
export interface Proxies {
  readonly running: readonly Proxy[];
  /** Processes outside of this one's container can be seen. */
  readonly seesHost: boolean;
}

/** Looks through /proc for those in this network namespace. */
export function readProxies({ files, pid }: Pick<Ports, 'files' | 'pid'>): Proxies {
  const namespace = files.link('/proc/self/ns/net');
  const running: Proxy[] = [];
  for (const folder of files.list('/proc')) {
    if (!/^\d+$/.test(folder) || Number(folder) === pid) continue;
    const words = (files.read(`/proc/${folder}/cmdline`) ?? '').split('\0');
    const name = proxyName(files.read(`/proc/${folder}/comm`)?.trim() ?? '', words);
    if (name === undefined) continue;
    const other = files.link(`/proc/${folder}/ns/net`);
    if (other !== undefined && namespace !== undefined && other !== namespace) continue;
    running.push({ name, pid: Number(folder), isHere: other !== undefined && other === namespace });
  }
  // The parent of the kernel's threads is seen from the first PID namespace only.
  return { running, seesHost: files.read('/proc/2/comm')?.trim() === 'kthreadd' };
}

const ONE_SHOT = /^--?(dry-run|cleanup|init-only|version|help|write-config-to|h$|V$)/;

/** @param words of the command line */
function proxyName(comm: string, words: readonly string[]): string | undefined {
  if (comm === 'kube-proxy') return comm;
  if (comm === 'kube-router') return words.includes('--run-service-proxy=false') ? undefined : comm;
  const script = words.findIndex((word) => /(^|\/)(fairlead(\.js)?|src\/main\.ts)$/.test(word));
  if (script < 0 || script > 8) return undefined;
  const rest = words.slice(script + 1).filter((word) => word !== '');
  const [first] = rest;
  // A word in the first place is a command: it looks, and programs nothing.
  if (first !== undefined && !first.startsWith('-')) return undefined;
  return rest.some((word) => ONE_SHOT.test(word)) ? undefined : 'fairlead';
}

/** @param answering somebody answers on the health port */
export function oneProxy({ running, seesHost }: Proxies, answering: boolean, node: string): Result {
  const names = running.map(({ name, pid }) => `${name} (pid ${pid})`);
  if (running.length > 1) {
    if (running.filter(({ isHere }) => isHere).length < 2) {
      throw new NotKnown(`whether ${names.join(' and ')} are in this network: needs root`);
    }
    return failed(
      `${names.join(' and ')} run at the same time, and undo what the other writes`,
      'stop all but one: kubectl get pods -A -o wide | grep -E "kube-proxy|fairlead"',
    );
  }
  if (running.length === 1) return ok(names.join());
  if (answering) return ok('one that is part of another program (k3s), or in a container of its own');
  if (!seesHost) throw new NotKnown("the node's processes cannot be seen from here (hostPID)");
  return failed(
    'no proxy runs on this node: rules stay as they are, whatever changes in the cluster',
    `kubectl get pods -n kube-system -o wide --field-selector spec.nodeName=${node}`,
  );
}
