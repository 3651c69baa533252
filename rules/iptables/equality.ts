import { hasOptionalComments, parseKey } from './chains.ts';
import { canonicalRule } from './rule.ts';

/**
 * Whether the kernel's text of an object is as good as the desired one: equal, or equal once it is spelled
 * canonically, or different only in comments that come and go with the size of the cluster.
 */
export function isSameText(key: string, desired: string, actual: string): boolean {
  if (desired === actual) return true;
  const { chain, rule } = parseKey(key);
  if (rule !== undefined || actual === '' || desired === '') return false;
  const spelled = actual.split('\n').map((line) => canonicalRule(line) ?? line);
  if (spelled.join('\n') === desired) return true;
  if (!hasOptionalComments(chain)) return false;
  const wanted = desired.split('\n');
  return (
    wanted.length === spelled.length &&
    wanted.every((line, i) => withoutEndpointComment(line) === withoutEndpointComment(spelled[i] ?? ''))
  );
}

/** The masquerade rule of a KUBE-SVC chain keeps its comment at any size, and is the one with a destination. */
function withoutEndpointComment(rule: string): string {
  return / -d |^-d /.test(rule) ? rule : rule.replace(/-m comment --comment "[^"]*" /, '');
}
