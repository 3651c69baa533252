import type { Address } from '../model.ts';
import { endpointText } from '../model.ts';
import { compareText } from '../topology.ts';
import type { Packet } from './packet.ts';
import { Share } from './share.ts';
import type { Outcome, Step, Trace } from './trace.ts';

/** One way that a packet may take, as far as it has got. Never changed: ways part where chance decides. */
export interface Way {
  readonly share: Share;
  readonly source: Address;
  readonly destination: Address;
  readonly port: number;
  /** Its destination is another than it was. */
  readonly translated: boolean;
  readonly masqueraded: boolean;
  readonly mark: number;
  readonly connectionMark: number;
  readonly affinitySeconds: number;
  /** The virtual server that has sent it on, as `tcp 10.96.0.1:443`. */
  readonly virtual: string | undefined;
  /** The latest first, each with those before it: ways that part share what they had in common. */
  readonly steps: Steps | undefined;
}

interface Steps {
  readonly step: Step;
  readonly before: Steps | undefined;
}

/** A way that has come to its end. */
export interface Ended {
  readonly verdict: Outcome['verdict'];
  readonly way: Way;
}

export function wayOf({ source, destination, port }: Packet): Way {
  return {
    share: Share.ALL,
    source,
    destination,
    port,
    translated: false,
    masqueraded: false,
    mark: 0,
    connectionMark: 0,
    affinitySeconds: 0,
    virtual: undefined,
    steps: undefined,
  };
}

export function withStep(way: Way, step: Step): Way {
  return { ...way, steps: { step, before: way.steps } };
}

/** Ways that nothing tells apart any more are one, with the steps of the likeliest. */
export function joined(ways: readonly Way[]): readonly Way[] {
  if (ways.length < 2) return ways;
  const found = new Map<string, Way>();
  for (const way of ways) {
    const { share: _, steps: __, ...what } = way;
    const key = JSON.stringify(what);
    const other = found.get(key);
    found.set(key, other ? together(other, way) : way);
  }
  return [...found.values()];
}

function together(a: Way, b: Way): Way {
  const likelier = b.share.value > a.share.value ? b : a;
  return { ...likelier, share: a.share.plus(b.share) };
}

/** All that has become of the packet. */
export function traceOf(packet: Packet, ended: readonly Ended[]): Trace {
  const found = new Map<string, Ended>();
  for (const end of ended) {
    if (end.way.share.isNothing) continue;
    const { destination, port } = goalOf(packet, end);
    const { masqueraded, affinitySeconds } = end.way;
    const key = [end.verdict, destination, port, masqueraded, affinitySeconds].join();
    const other = found.get(key);
    found.set(key, other ? { ...end, way: together(other.way, end.way) } : end);
  }
  return [...found.values()].map((end) => outcomeOf(packet, end)).sort(byLikelihood);
}

function outcomeOf(packet: Packet, end: Ended): Outcome {
  const { way, verdict } = end;
  const steps: Step[] = [];
  for (let list = way.steps; list; list = list.before) steps.push(list.step);
  return {
    share: way.share.value,
    verdict,
    ...goalOf(packet, end),
    masqueraded: way.masqueraded,
    affinitySeconds: way.affinitySeconds,
    steps: steps.reverse(),
  };
}

function goalOf(packet: Packet, { verdict, way }: Ended): Pick<Outcome, 'destination' | 'port'> {
  const { destination, port } = verdict === 'endpoint' ? way : packet;
  return { destination, port };
}

function byLikelihood(a: Outcome, b: Outcome): number {
  return b.share - a.share || compareText(endpointText(goal(a)), endpointText(goal(b)));
}

function goal({ destination, port }: Outcome) {
  return { address: destination, port };
}
