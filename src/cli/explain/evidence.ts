import type { Outcome, Step } from '../../../rules/trace/trace.ts';

/** The step that made the source address another one, or led to it; undefined where it stays. */
export function masqueradeStep({ steps }: Outcome): Step | undefined {
  const done = steps.findLast(
    ({ rule, hook }) => hook !== 'PREROUTING' && /\bmasquerade\b|\b[SD]?NAT\b/i.test(rule),
  );
  if (done === undefined || !isProxys(done)) return done;
  return steps.find(({ rule }) => /-j KUBE-MARK-MASQ\b|\bmeta mark set (meta )?mark \|/.test(rule)) ?? done;
}

/** In a chain that a proxy of Kubernetes made, rather than a CNI plugin, a firewall or an administrator. */
export function isProxys({ table, chain }: Step): boolean {
  return table.endsWith('kube-proxy') || table === 'ipvs' || chain.startsWith('KUBE-');
}

/** What a rule says of itself. */
export function commentOf({ rule }: Step): string | undefined {
  return /\bcomment "((?:[^"\\]|\\.)*)"/.exec(rule)?.[1];
}

/** How a rule is named to people: `FORWARD: -s 10.0.0.0/8 -j DROP`. */
export function ruleText({ table, chain, rule }: Step): string {
  return `${table} ${chain}: ${rule}`;
}

/** A Service by its name, and how it was reached. */
export interface ToldService {
  /** `namespace/name:port`. */
  readonly name: string;
  readonly access: string;
}

/** The Service that rules name on the way of a packet. */
export function toldService(steps: readonly Step[]): ToldService | undefined {
  for (const step of steps) {
    const told = toldByComment(step) ?? toldByChain(step);
    if (told) return told;
  }
  return undefined;
}

/** As the rules of iptables mode have it. */
function toldByComment(step: Step): ToldService | undefined {
  const comment = commentOf(step) ?? '';
  const [, name, kind] = /^(\S+\/\S+) (cluster|external|loadbalancer) IP$/.exec(comment) ?? [];
  if (name !== undefined) return { name, access: `${kind === 'loadbalancer' ? 'load balancer' : kind} IP` };
  const isNodePort = step.chain === 'KUBE-NODEPORTS' && /^\S+\/\S+$/.test(comment);
  return isNodePort ? { name: comment, access: 'node port' } : undefined;
}

/** As the maps of nftables mode have it: `service-HASH-namespace/name/protocol/port`. */
function toldByChain({ rule, effect }: Step): ToldService | undefined {
  const [, map] = /vmap @service-(ips|nodeports)\b/.exec(rule) ?? [];
  const [, kind, namespace, name, port] =
    /goes on in (service|external)-\w+-([^/]+)\/([^/]+)\/\w+\/(\S*)$/.exec(effect) ?? [];
  if (map === undefined || name === undefined) return undefined;
  const address = kind === 'service' ? 'cluster IP' : 'external or load balancer IP';
  return {
    name: `${namespace}/${name}${port === '' ? '' : `:${port}`}`,
    access: map === 'nodeports' ? 'node port' : address,
  };
}
