import { joined } from '../../rules/joined.ts';
import type { Address, ServicePort, ServicePortKey } from '../../rules/model.ts';
import { compareText } from '../../rules/topology.ts';

interface Claimant {
  readonly key: ServicePortKey;
  readonly created: number;
}

/** A ServicePort that does not get an address or node port because an older Service has it. */
export interface LostClaim {
  readonly loser: ServicePortKey;
  readonly winner: ServicePortKey;
  /** `192.0.2.1:80/tcp`, or `node port 30080/tcp`. */
  readonly what: string;
}

/**
 * Who owns which destination in one IP family. Nothing stops two Services from naming one external address and
 * port; a packet can go to one of them only. The oldest Service has it, whatever the mode and whatever the order
 * in which they arrive; when it goes, the next oldest follows.
 */
export class Claims {
  /** One claimant, or several in order of age: nearly all destinations have one. */
  readonly #claimants = new Map<string, Claimant | Claimant[]>();
  /** How many destinations are contested: with none, as ever, resolving costs nothing. */
  #contested = 0;

  /** @returns the other ServicePorts whose claims may be affected. */
  add(servicePort: ServicePort): readonly ServicePortKey[] {
    const claimant = { key: servicePort.key, created: servicePort.created };
    const affected: ServicePortKey[] = [];
    for (const destination of destinations(servicePort)) {
      const before = this.#claimants.get(destination);
      if (before === undefined) {
        this.#claimants.set(destination, claimant);
        continue;
      }
      if (!Array.isArray(before)) this.#contested++;
      const all = [before, claimant].flat().sort(byAge);
      this.#claimants.set(destination, all);
      affected.push(...all.filter(({ key }) => key !== servicePort.key).map(({ key }) => key));
    }
    return affected;
  }

  /** @returns the other ServicePorts whose claims may be affected. */
  remove(servicePort: ServicePort): readonly ServicePortKey[] {
    const affected: ServicePortKey[] = [];
    for (const destination of destinations(servicePort)) {
      const before = this.#claimants.get(destination);
      if (!Array.isArray(before)) {
        this.#claimants.delete(destination);
        continue;
      }
      const left = before.filter(({ key }) => key !== servicePort.key);
      const [only] = left;
      if (left.length === 1 && only) {
        this.#contested--;
        this.#claimants.set(destination, only);
      } else {
        this.#claimants.set(destination, left);
      }
      affected.push(...left.map(({ key }) => key));
    }
    return affected;
  }

  /** The ServicePort with those destinations only that are its own. */
  resolve(servicePort: ServicePort): { servicePort: ServicePort; lost: readonly LostClaim[] } {
    if (this.#contested === 0) return { servicePort, lost: [] };
    const lost = new Map<string, LostClaim>();
    const owns = (destination: string, what: string): boolean => {
      const winner = this.#winner(destination);
      if (winner === undefined || winner === servicePort.key) return true;
      lost.set(destination, { loser: servicePort.key, winner, what });
      return false;
    };
    const { protocol, port, nodePort, clusterIP } = servicePort;
    const ownsAddress = (address: Address) =>
      owns(addressDestination(servicePort, address), `${address}:${port}/${protocol}`);
    const owned = {
      clusterIP: clusterIP !== undefined && ownsAddress(clusterIP) ? clusterIP : undefined,
      externalIPs: servicePort.externalIPs.filter(ownsAddress),
      loadBalancerIPs: servicePort.loadBalancerIPs.filter(ownsAddress),
      nodePort:
        nodePort !== 0 && owns(nodePortDestination(servicePort), `node port ${nodePort}/${protocol}`)
          ? nodePort
          : 0,
    };
    return lost.size === 0
      ? { servicePort, lost: [] }
      : { servicePort: { ...servicePort, ...owned }, lost: [...lost.values()] };
  }

  #winner(destination: string): ServicePortKey | undefined {
    const claimants = this.#claimants.get(destination);
    return Array.isArray(claimants) ? claimants[0]?.key : claimants?.key;
  }
}

/** Each once, though a Service may name one address twice. */
function destinations(servicePort: ServicePort): Set<string> {
  const found = new Set<string>();
  const { clusterIP, externalIPs, loadBalancerIPs, nodePort } = servicePort;
  if (clusterIP !== undefined) found.add(addressDestination(servicePort, clusterIP));
  for (const address of externalIPs) found.add(addressDestination(servicePort, address));
  for (const address of loadBalancerIPs) found.add(addressDestination(servicePort, address));
  if (nodePort !== 0) found.add(nodePortDestination(servicePort));
  return found;
}

function addressDestination({ protocol, port }: ServicePort, address: Address): string {
  return joined(protocol, ' ', address, ' ', String(port));
}

function nodePortDestination({ protocol, nodePort }: ServicePort): string {
  return joined(protocol, ' ', String(nodePort));
}

function byAge(a: Claimant, b: Claimant): number {
  return a.created - b.created || compareText(a.key, b.key);
}
