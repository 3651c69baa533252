import { parseAddress, parseCidr } from '../address.ts';
import { parseSave } from '../iptables/save.ts';
import { hostOf, portOf } from '../ipvs/objects.ts';
import { parseAddresses, parseIpvsadm, type SavedVirtual } from '../ipvs/saved.ts';
import type { Address } from '../model.ts';
import { endpointText } from '../model.ts';
import { type InSet, readIpSets } from './ip-sets.ts';
import { Course, delivery, departure, forwarding, surroundingsOf } from './iptables.ts';
import { Chains } from './iptables-chains.ts';
import { localityOf } from './iptables-values.ts';
import type { Host, Packet } from './packet.ts';
import { Share } from './share.ts';
import type { Hook, Step, Trace } from './trace.ts';
import { type Ended, traceOf, type Way, withStep } from './way.ts';

/** The texts that ipvs mode's state consists of, for one IP family; virtual servers and sets may be of both. */
export interface IpvsTexts {
  /** `ipvsadm -Sn`. */
  readonly ipvsadm: string;
  /** `ipset save`. */
  readonly ipset: string;
  /** Of kube-ipvs0: `ip -j address show dev kube-ipvs0`, or an address or ADDR/LEN a line. */
  readonly addresses: string;
  /** `iptables-save` of the family. */
  readonly save: string;
}

/** The state of ipvs mode, ready for packets. */
export interface IpvsRules {
  readonly chains: Chains;
  readonly inSet: InSet;
  /** By `PROTOCOL ADDRESS:PORT`. */
  readonly virtuals: ReadonlyMap<string, SavedVirtual>;
  /** Of kube-ipvs0. */
  readonly addresses: readonly Address[];
}

export function readIpvsRules({ ipvsadm, ipset, addresses, save }: IpvsTexts): IpvsRules {
  const virtuals = parseIpvsadm(ipvsadm).map(
    (virtual) => [`${virtual.protocol} ${virtual.server}`, virtual] as const,
  );
  return {
    chains: new Chains(parseSave(save)),
    inSet: readIpSets(ipset),
    virtuals: new Map(virtuals),
    addresses: addresses.trimStart().startsWith('[') ? parseAddresses(addresses) : addressLines(addresses),
  };
}

/**
 * All that can become of the first packet of a connection. Assumes what traceIptables does; schedulers that look at
 * the load of servers, or at who asks, are taken to give each its share by weight.
 */
export function traceIpvs(rules: IpvsRules, packet: Packet, host: Host): Trace {
  const isLocal = localityOf([...host.localAddresses, ...rules.addresses]);
  const isNodes = localityOf(host.localAddresses);
  const course = new Course(rules.chains, surroundingsOf(packet, host, isLocal, rules.inSet));
  const sent = (way: Way) => way.virtual !== undefined;
  const onward = (hook: Hook) => (part: Course) => {
    part.change((way) => schedule(rules, packet, way, hook));
  };
  const leaving = (part: Course) => {
    part.split(
      (way) => isNodes(way.destination),
      nothing,
      (rest) => {
        // What a virtual server sends on leaves the node as if it came from it.
        rest.through('OUTPUT', 'raw', 'mangle', 'filter');
        departure(rest);
      },
    );
  };
  if (packet.from === undefined) {
    course.through('OUTPUT', 'raw', 'mangle', 'nat');
    onward('OUTPUT')(course);
    course.split(sent, leaving, (rest) => {
      rest.through('OUTPUT', 'filter');
      departure(rest);
      rest.split((way) => isLocal(way.destination), delivery, nothing);
    });
  } else {
    course.through('PREROUTING', 'raw', 'mangle', 'nat');
    course.split(
      (way) => isLocal(way.destination),
      (own) => {
        own.through('INPUT', 'mangle', 'filter');
        onward('INPUT')(own);
        own.split(sent, leaving, (rest) => rest.through('INPUT', 'nat'));
      },
      forwarding,
    );
  }
  return traceOf(packet, course.end());
}

function nothing(): void {}

/** What the virtual server of the packet's destination does, if there is one. */
function schedule({ virtuals }: IpvsRules, packet: Packet, way: Way, hook: Hook): readonly Way[] | Ended {
  const at = `${packet.protocol} ${endpointText({ address: way.destination, port: way.port })}`;
  const virtual = virtuals.get(at);
  if (!virtual) return [way];
  const options = virtual.options.split(' ');
  const scheduler = options[options.indexOf('-s') + 1] ?? '';
  const persistence = options.indexOf('-p');
  const chain = `${at.replace(/^\w+/, (name) => name.toUpperCase())} ${scheduler}`;
  const noted = (to: Way, rule: string, effect: string): Way => {
    const step: Step = { hook, table: 'ipvs', chain, depth: 0, rule, effect };
    return withStep(to, step);
  };
  const servers = virtual.reals.map(serverOf).filter(({ weight }) => weight > 0);
  const total = servers.reduce((sum, { weight }) => sum + weight, 0);
  if (total === 0) {
    const rule = virtual.reals.length === 0 ? 'no real server' : 'no real server of a weight above 0';
    return { verdict: 'reject', way: noted(way, rule, 'rejected with icmp-port-unreachable') };
  }
  const affinitySeconds = persistence < 0 ? 0 : Number(options[persistence + 1] ?? 0);
  return servers.map(({ address, port, weight, text }) => {
    const share = Share.of(weight, total);
    const by = total === weight ? '' : `${share} by ${scheduler}: `;
    const effect = `${by}the destination becomes ${endpointText({ address, port })}`;
    return noted(
      {
        ...way,
        share: way.share.times(share),
        destination: address,
        port,
        translated: true,
        virtual: at,
        affinitySeconds,
      },
      text,
      effect,
    );
  });
}

interface Server {
  readonly address: Address;
  readonly port: number;
  readonly weight: number;
  readonly text: string;
}

/** @param real `-r 10.244.0.5:8080 -m -w 1` */
function serverOf(real: string): Server {
  const words = real.split(' ');
  const server = words[words.indexOf('-r') + 1] ?? '';
  const weight = Number(words[words.indexOf('-w') + 1] ?? 1);
  return { address: hostOf(server), port: portOf(server), weight, text: real };
}

function addressLines(text: string): readonly Address[] {
  return text.split('\n').flatMap((line) => {
    const address = parseAddress(line.trim().split('/')[0] ?? '');
    return address && (!line.includes('/') || parseCidr(line.trim())) ? [address] : [];
  });
}
