import { endpointText } from '../../../rules/model.ts';
import { durationText } from '../../../rules/nftables/compile.ts';
import { alignedRows, plain, toned } from '../output.ts';
import { type Answer, type ExplainedOutcome, shareText } from './answer.ts';
import { stepsText } from './steps-text.ts';

/** What people read: the answer first, then endpoints, then the rules that made it so. */
export function answerText(answer: Answer, rulesText: string): string {
  const { sender, packet, service, summary, notes } = answer;
  const to = `${endpointText({ address: packet.destination, port: packet.port })}/${packet.protocol}`;
  const what = service ? `, ${service.access} of ${service.name}` : '';
  const head = plain(`${sender.text} → ${to}${what}`);
  const remarks = [...masqueradeRemarks(answer), ...affinityRemarks(answer), ...notes];
  return [
    `${signOf(answer)} ${toned('strong', head)}\n  ${plain(summary)}\n`,
    section(endpointTable(answer)),
    section(remarks.map((remark) => `  ${plain(remark)}\n`).join('')),
    section(evidence(answer, rulesText)),
  ].join('');
}

function section(text: string): string {
  return text === '' ? '' : `\n${text}`;
}

function signOf({ isGood, isDoubtful }: Answer): string {
  if (!isGood) return toned('bad', '✗');
  return isDoubtful ? toned('doubtful', '?') : toned('good', '✓');
}

function endpointTable({ trace, packet }: Answer): string {
  const reached = trace.filter(({ outcome }) => outcome.verdict === 'endpoint');
  if (reached.length === 0) return '';
  const rows = reached.map(({ outcome, pod, nodeName }) => [
    endpointText({ address: outcome.destination, port: outcome.port }),
    shareText(outcome.share),
    plain(pod?.pod ?? '-'),
    plain(nodeName ?? '-'),
    outcome.masqueraded ? 'an address of this node' : packet.source,
  ]);
  const heads = ['ENDPOINT', 'SHARE', 'POD', 'NODE', 'SEES AS SOURCE'];
  // Nothing known of Pods and nodes: no columns for them.
  const isKnown = [2, 3].map((column) => rows.some((row) => row[column] !== '-'));
  const shown = [heads, ...rows].map((row) => row.filter((_, i) => isKnown[i - 2] ?? true));
  return alignedRows(shown, '  ');
}

/** Why the source is another, once for all endpoints for which it is the same reason. */
function masqueradeRemarks({ trace }: Answer): readonly string[] {
  const reasons = new Map<string, string[]>();
  for (const { outcome, why } of trace) {
    if (!outcome.masqueraded || why === undefined || outcome.verdict === 'drop') continue;
    const to = endpointText({ address: outcome.destination, port: outcome.port });
    reasons.set(why, [...(reasons.get(why) ?? []), to]);
  }
  return [...reasons].map(([why, endpoints]) => {
    const where = endpoints.length < trace.length ? ` on the way to ${endpoints.join(', ')}` : '';
    return `masqueraded${where}: ${why}`;
  });
}

function affinityRemarks({ trace }: Answer): readonly string[] {
  const seconds = Math.max(0, ...trace.map(({ outcome }) => outcome.affinitySeconds));
  if (seconds === 0) return [];
  const time = durationText(seconds);
  return [`session affinity: a client comes back to its endpoint until it has been silent for ${time}`];
}

/** The rules on the way to the likeliest outcome of each sort. */
function evidence({ trace, mode }: Answer, rulesText: string): string {
  const sorts = new Map<string, ExplainedOutcome[]>();
  for (const each of trace) {
    const { verdict, masqueraded } = each.outcome;
    const sort = JSON.stringify([verdict, masqueraded, each.why]);
    sorts.set(sort, [...(sorts.get(sort) ?? []), each]);
  }
  const parts = [...sorts.values()].map((all) => {
    const [first] = all;
    if (!first) return '';
    const alike = all.length > 1 ? ` (${all.length - 1} more alike)` : '';
    const which = trace.length > 1 ? `${goalText(first)}${alike}, by` : 'by';
    const title = plain(`${which} the ${rulesText}, ${mode} mode`);
    return `  ${toned('faint', title)}\n${stepsText(first.outcome.steps)}`;
  });
  return parts.join('\n');
}

function goalText({ outcome: { verdict, destination, port } }: ExplainedOutcome): string {
  if (verdict === 'endpoint') return `to ${endpointText({ address: destination, port })}`;
  return { drop: 'dropped', reject: 'rejected', pass: 'on as it is' }[verdict];
}
