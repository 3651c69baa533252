import { endpointText } from '../../../rules/model.ts';
import type { Outcome } from '../../../rules/trace/trace.ts';

/** An outcome in a line: `0.50 endpoint 10.244.0.5:8080 masqueraded for 10800 s`. */
export function brief(outcome: Outcome): string {
  const { share, verdict, destination: address, port, masqueraded, affinitySeconds } = outcome;
  const masquerade = masqueraded ? ' masqueraded' : '';
  const affinity = affinitySeconds > 0 ? ` for ${affinitySeconds} s` : '';
  return `${share.toFixed(2)} ${verdict} ${endpointText({ address, port })}${masquerade}${affinity}`;
}
