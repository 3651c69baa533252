import { endpointText } from '../../../rules/model.ts';
import type { Answer, ExplainedOutcome } from './answer.ts';

/** What `--output json` has for one way of a packet. */
export function answerJson(answer: Answer): object {
  const { sender, packet, mode, service, summary, isGood, isDoubtful, notes, trace } = answer;
  return {
    good: isGood,
    doubtful: isDoubtful,
    mode,
    summary,
    packet: {
      source: packet.source,
      sourceKind: sender.kind,
      destination: packet.destination,
      port: packet.port,
      protocol: packet.protocol,
      interface: packet.from || null,
    },
    service: service ?? null,
    outcomes: trace.map(outcomeJson),
    notes,
  };
}

function outcomeJson({ outcome, pod, nodeName, why }: ExplainedOutcome): object {
  const { share, verdict, destination: address, port, masqueraded, affinitySeconds, steps } = outcome;
  const endpoint = {
    address,
    port,
    text: endpointText({ address, port }),
    pod: pod?.pod ?? null,
    node: nodeName ?? null,
  };
  return {
    share,
    verdict,
    endpoint: verdict === 'endpoint' ? endpoint : null,
    masqueraded,
    why: why ?? null,
    affinitySeconds,
    steps,
  };
}
