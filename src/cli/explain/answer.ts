import { endpointText } from '../../../rules/model.ts';
import type { Outcome, Trace } from '../../../rules/trace/trace.ts';
import { type ToldService, toldService } from './evidence.ts';
import { masqueradeReason } from './masquerade.ts';
import type { NamedPod } from './named-tracker.ts';
import { isNodes } from './node-view.ts';
import { type Circumstances, refusalReason } from './refusal.ts';
import type { Sender } from './senders.ts';
import { neighbourText } from './service-at.ts';

/** What becomes of one packet. */
export interface Answer extends Circumstances {
  readonly sender: Sender;
  /** As the cluster has it, else as the rules say. */
  readonly service: ToldService | undefined;
  readonly trace: readonly ExplainedOutcome[];
  /** One line: what happens to it. */
  readonly summary: string;
  /** Nothing of it is dropped or rejected, or lost because the rules do not know the cluster IP that it is for. */
  readonly isGood: boolean;
  /** It may not come to anything all the same. */
  readonly isDoubtful: boolean;
  /** What people should know besides. */
  readonly notes: readonly string[];
}

/** An outcome in words. */
export interface ExplainedOutcome {
  readonly outcome: Outcome;
  /** The Pod behind the endpoint, where it is known, and its node. */
  readonly pod: NamedPod | undefined;
  readonly nodeName: string | undefined;
  /** Why it is dropped, rejected or masqueraded, or nobody's. */
  readonly why: string | undefined;
}

/** Puts a trace into words. */
export function answerOf(
  sender: Sender,
  trace: Trace,
  circumstances: Circumstances,
  notes: readonly string[],
): Answer {
  const explained = trace.map((outcome) => explain(outcome, circumstances));
  const detours = detoursOf(explained, sender, circumstances);
  // Other addresses of Services may be somebody else's to deliver; cluster IPs are nowhere but in rules.
  const isLost = circumstances.way?.access === 'cluster IP';
  const isGood = trace.every(({ verdict }) => verdict === 'endpoint' || (verdict === 'pass' && !isLost));
  return {
    ...circumstances,
    sender,
    service: serviceOf(trace, circumstances),
    trace: explained,
    summary: summaryOf(explained, circumstances),
    isGood,
    // A packet that nothing cares for may be just right, or lost.
    isDoubtful: detours.length > 0 || explained.some(isStray),
    notes: [...(sender.note === undefined ? [] : [sender.note]), ...notes, ...detours, ...doubts(trace)],
  };
}

function serviceOf(trace: Trace, { way }: Circumstances): ToldService | undefined {
  if (way) return { name: way.servicePort.name, access: way.access };
  return toldService(trace.flatMap(({ steps }) => steps));
}

function isStray({ outcome: { verdict, masqueraded }, why }: ExplainedOutcome): boolean {
  return verdict === 'pass' && !masqueraded && why !== undefined;
}

function explain(outcome: Outcome, circumstances: Circumstances): ExplainedOutcome {
  const { cluster, way } = circumstances;
  const { destination: address, port, verdict } = outcome;
  const pod = verdict === 'endpoint' ? cluster?.names.podAt(address) : undefined;
  const endpoint = way?.servicePort.endpoints.find((each) => each.address === address && each.port === port);
  const nodeName = pod?.nodeName ?? endpoint?.nodeName;
  return { outcome, pod, nodeName, why: reasonOf(outcome, circumstances) };
}

function reasonOf(outcome: Outcome, circumstances: Circumstances): string | undefined {
  const { packet, view, cluster, way } = circumstances;
  const { verdict } = outcome;
  if (verdict === 'drop' || verdict === 'reject') return refusalReason(outcome, circumstances);
  if (verdict === 'endpoint' || outcome.masqueraded) return masqueradeReason(outcome, circumstances);
  const to = { address: packet.destination, port: packet.port, protocol: packet.protocol };
  if (way) {
    const service = `${way.access} of ${way.servicePort.name}`;
    return `it is the ${service}, but these rules do not have it (see fairlead diff)`;
  }
  return cluster && neighbourText(to, view, cluster);
}

function summaryOf(trace: readonly ExplainedOutcome[], circumstances: Circumstances): string {
  const reached = trace.filter(({ outcome }) => outcome.verdict === 'endpoint');
  const others = trace.filter(({ outcome }) => outcome.verdict !== 'endpoint');
  const parts = reached.length > 0 ? [reachedText(reached, circumstances)] : [];
  for (const { outcome, why } of others) {
    const share = trace.length > 1 ? ` (${shareText(outcome.share)})` : '';
    parts.push(`${FATES[outcome.verdict](circumstances)}${share}${why === undefined ? '' : `: ${why}`}`);
  }
  return parts.join('; ');
}

const FATES: Readonly<Record<Outcome['verdict'], (circumstances: Circumstances) => string>> = {
  endpoint: () => '',
  drop: () => 'is dropped',
  reject: () => 'is rejected',
  pass: ({ packet, view }) =>
    isNodes(view, packet.destination)
      ? 'is delivered to the node itself, no rule sends it elsewhere'
      : 'goes on to its destination as it is, no rule sends it elsewhere',
};

function reachedText(reached: readonly ExplainedOutcome[], { packet }: Circumstances): string {
  const [first] = reached;
  const shares = new Set(reached.map(({ outcome }) => shareText(outcome.share)));
  const each = shares.size === 1 ? `, ${[...shares].join()} each` : '';
  const goal =
    reached.length === 1 && first
      ? `reaches ${endpointName(first)}`
      : `reaches one of ${reached.length} endpoints${each}`;
  const masqueraded = reached.filter(({ outcome }) => outcome.masqueraded).length;
  if (masqueraded === 0) return `${goal}, seen there as ${packet.source}`;
  const some = masqueraded < reached.length ? ` at ${masqueraded} of them` : '';
  return `${goal}, masqueraded${some}`;
}

/** `10.244.0.5:8080 (default/pod-a on node-1)`. */
function endpointName({ outcome: { destination: address, port }, pod, nodeName }: ExplainedOutcome): string {
  const where = [pod?.pod, nodeName === undefined ? undefined : `on ${nodeName}`];
  const known = where.filter((word) => word !== undefined).join(' ');
  return `${endpointText({ address, port })}${known === '' ? '' : ` (${known})`}`;
}

/** `1/3`, or per cent where it is no such fraction. */
export function shareText(share: number): string {
  if (share > 1 - 1e-9) return 'all';
  const whole = Math.round(1 / share);
  return Math.abs(1 / whole - share) < 1e-6 ? `1/${whole}` : `${(share * 100).toFixed(1)} %`;
}

/** Endpoints whose answers go back to the sender past this node, which alone knows the translation. */
function detoursOf(
  trace: readonly ExplainedOutcome[],
  sender: Sender,
  { packet, view }: Circumstances,
): readonly string[] {
  if (sender.kind !== 'outside') return [];
  const others = trace.filter(
    ({ outcome: { verdict, masqueraded }, nodeName }) =>
      verdict === 'endpoint' && !masqueraded && nodeName !== undefined && nodeName !== view.name,
  );
  const [first] = others;
  if (!first) return [];
  const who =
    others.length === 1
      ? `${endpointName(first)} sees ${packet.source} and is`
      : `${others.length} endpoints see ${packet.source} and are`;
  const consequence = 'the answer goes back past the node that knows the translation';
  return [`${who} not on this node: ${consequence}, and fails unless routes lead it through here`];
}

/** What had to be assumed, once each. */
function doubts(trace: Trace): readonly string[] {
  const found = new Set<string>();
  for (const { steps } of trace) {
    for (const { doubt, table, chain, effect } of steps) {
      if (doubt !== undefined) found.add(`not known here: ${doubt} in ${table} ${chain}, ${effect}`);
    }
  }
  return [...found];
}
