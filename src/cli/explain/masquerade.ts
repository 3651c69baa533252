import type { LocalDetector } from '../../../rules/model.ts';
import type { Outcome, Step } from '../../../rules/trace/trace.ts';
import { commentOf, isProxys, masqueradeStep, ruleText } from './evidence.ts';
import type { Circumstances } from './refusal.ts';

/** Why the source of a packet becomes an address of this node; undefined where it does not. */
export function masqueradeReason(outcome: Outcome, circumstances: Circumstances): string | undefined {
  if (!outcome.masqueraded) return undefined;
  const { packet, way, view } = circumstances;
  const step = masqueradeStep(outcome);
  if (step && !isProxys(step)) return `by a rule that is none of the proxy's: ${ruleText(step)}`;
  if (packet.source === outcome.destination) {
    return HAIRPIN;
  }
  if (!way || !view.settings) return step && told(step, packet.source);
  const { masqueradeAll, localDetector } = view.settings;
  if (way.access === 'cluster IP') {
    if (masqueradeAll) return 'masqueradeAll: all traffic to cluster IPs is';
    return notOfPods(packet.source, packet.from, localDetector);
  }
  if (way.servicePort.externalPolicyLocal) return `the node itself sends it to the ${way.access}`;
  return `externalTrafficPolicy: Cluster: behind the ${way.access} may be an endpoint of another node, whose answer has to come back by this one`;
}

const HAIRPIN =
  "hairpin: the Pod reaches itself through the Service, and would answer itself past this node's translation";

function notOfPods(source: string, from: string | undefined, detector: LocalDetector): string {
  const so = 'its answer has to come back by this node';
  switch (detector.kind) {
    case 'cidr':
      return `the source ${source} is not a Pod's (not in ${detector.cidr}): ${so}`;
    case 'bridge':
      return `it did not come by the Pods' bridge ${detector.interface}${from ? ` but by ${from}` : ''}: ${so}`;
    case 'prefix':
      return `it did not come by a Pod's interface (${detector.prefix}*)${from ? ` but by ${from}` : ''}: ${so}`;
    case 'none':
      return `the node itself sends it: ${so}`;
  }
}

/** Where only the rules are known. */
function told(step: Step, source: string): string {
  const [, network] = /(?:! -s|saddr !=) (\S+)/.exec(step.rule) ?? [];
  if (network !== undefined) return `the source ${source} is not a Pod's (not in ${network})`;
  const [, device] = /(?:! -i|iifname !=) (\S+)/.exec(step.rule) ?? [];
  if (device !== undefined) return `it did not come by the Pods' interface ${device}`;
  if (/^(KUBE-EXT-|external-)/.test(step.chain) && !/LOCAL|local traffic/.test(step.rule)) {
    return 'externalTrafficPolicy: Cluster, and it comes by a node port, external or load balancer address';
  }
  const comment = commentOf(step);
  return comment === undefined ? `by the rule ${ruleText(step)}` : `the rule says "${comment}"`;
}
