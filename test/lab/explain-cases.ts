import type { Address, Family } from '../../rules/model.ts';
import type { From } from '../../src/cli/explain/operands.ts';
import type { Lab } from './lab.ts';
import { balancerIP, clusterIP, externalIP, SERVICE_PORT, type ServiceOptions } from './manifest.ts';
import type { Namespace } from './namespaces.ts';
import type { Random } from './random.ts';
import { ADDRESSES, LOCAL_PODS, POD_PORT, REMOTE_POD } from './topology.ts';
import { SERVICES } from './traffic-services.ts';

/** Somebody who sends, and what is said of him to `explain`. */
export interface CaseSender {
  readonly name: string;
  readonly namespace: Namespace;
  /** undefined: the kernel's choice. */
  readonly source: string | undefined;
  readonly from: From;
}

/** One packet that is explained, and sent. */
export interface Case {
  readonly family: Family;
  readonly sender: CaseSender;
  readonly to: { readonly address: Address; readonly port: number; readonly protocol: 'tcp' | 'udp' };
}

/** What is said of a case when it fails. */
export function caseText({ sender, to }: Case): string {
  return `${sender.name} to ${to.address} port ${to.port}/${to.protocol}`;
}

/** Packets from anybody to anything, as chance has it. */
export function randomCases(lab: Lab, random: Random, count: number): readonly Case[] {
  const cases = new Map<string, Case>();
  while (cases.size < count) {
    const family = random.pick(['ipv4', 'ipv6'] as const);
    const one = {
      family,
      sender: random.pick(senders(lab, family)),
      to: random.pick(destinations(family, random)),
    };
    if (isPossible(one)) cases.set(caseText(one), one);
  }
  return [...cases.values()];
}

function senders(lab: Lab, family: Family): readonly CaseSender[] {
  const own = ADDRESSES[family];
  const at = (name: string, namespace: Namespace, source: string): CaseSender => ({
    name,
    namespace,
    source,
    from: { kind: 'address', address: source as Address },
  });
  return [
    ...LOCAL_PODS.map((pod) => at(pod, lab.pod(pod), own.pods[pod])),
    at(REMOTE_POD, lab.otherNode, own.pods[REMOTE_POD]),
    at('node-2', lab.otherNode, own.otherNode),
    ...own.clients.slice(0, 5).map((client) => at(client, lab.outside, client)),
    ...Array.from({ length: 3 }, (): CaseSender => {
      return { name: 'node-1', namespace: lab.node, source: undefined, from: { kind: 'node' } };
    }),
  ];
}

function destinations(family: Family, random: Random): readonly Case['to'][] {
  const own = ADDRESSES[family];
  const service: ServiceOptions = random.pick(Object.values(SERVICES));
  const protocol = service.protocol === 'UDP' ? ('udp' as const) : ('tcp' as const);
  const to = (address: string, port = SERVICE_PORT) => ({ address: address as Address, port, protocol });
  const { n, nodePort } = service;
  return [
    to(clusterIP(family, n)),
    ...(nodePort ? [to(own.node, nodePort), to(own.bridge, nodePort), to(own.loopback, nodePort)] : []),
    ...(service.external ? [to(externalIP(family, n)), to(externalIP(family, n))] : []),
    ...(service.balancer ? [to(balancerIP(family, n)), to(balancerIP(family, n))] : []),
    ...(random.chance(0.2)
      ? [to(clusterIP(family, n), 81), to(clusterIP(family, 99)), to(own.node, 30099)]
      : []),
    ...(random.chance(0.2) ? [to(own.pods['pod-b'], POD_PORT), to(own.pods[REMOTE_POD], POD_PORT)] : []),
  ];
}

/** What somebody sends to himself never leaves him; a Pod of another node reaches itself by that node's rules. */
function isPossible({ family, sender, to }: Case): boolean {
  const own = ADDRESSES[family];
  if (to.address === own.loopback) return sender.from.kind === 'node';
  if (to.address === sender.source) return false;
  return sender.name !== REMOTE_POD && !(sender.name === 'node-2' && to.address === own.pods[REMOTE_POD]);
}
