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
  const wanted = desired.split('\n');
  const found = actual.split('\n');
  if (wanted.length !== found.length) return false;
  const optional = hasOptionalComments(chain);
  // Spelling takes time: a chain of thousands differs in a line or two.
  return wanted.every((line, i) => {
    const other = found[i] ?? '';
    if (line === other) return true;
    const spelled = canonicalRule(other) ?? other;
    return line === spelled || (optional && withoutEndpointComment(line) === withoutEndpointComment(spelled));
  });
}

/** The masquerade rule of a KUBE-SVC chain keeps its comment at any size, and is the one with a destination. */
function withoutEndpointComment(rule: string): string {
  return / -d |^-d /.test(rule) ? rule : rule.replace(/-m comment --comment "[^"]*" /, '');
}
