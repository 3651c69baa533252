import { chainKind, hasOptionalComments, isBuiltin } from '../../rules/iptables/chains.ts';
import { canonicalRule } from '../../rules/iptables/rule.ts';
import type { Dump } from '../conformance/compare/dump.ts';
import type { Tables } from './iptables.ts';

/**
 * What counts of a node's rules when two states are compared: Fairlead's chains whole, in the chains of others only
 * its own rules, in any order and once or more. Comments that come and go with the size of a cluster do not count, nor does order where rules have
 * none.
 */
export function ourRules(tables: Tables): Dump {
  const dump = new Map<string, readonly string[]>();
  for (const [table, chains] of tables) {
    for (const [chain, { rules }] of chains) {
      const name = `${table} ${chain}`;
      const spelled = rules.map((rule) => canonicalRule(rule) ?? rule);
      const kind = chainKind(table, chain);
      if (kind === 'own') {
        dump.set(name, hasOptionalComments(chain) ? spelled.map(withoutOptionalComment) : spelled);
      } else if (kind === 'shared') {
        const last = spelled.findLastIndex((rule) => !rule.includes('this must be the last rule'));
        dump.set(name, spelled.slice(0, last + 1).sort());
        dump.set(`${name} (closing rules)`, spelled.slice(last + 1).sort());
      } else if (kind === 'guest') {
        const ours = spelled
          .filter((rule) => / -j KUBE-|^-j KUBE-|block incoming localnet/.test(rule))
          .sort();
        if (ours.length > 0 || !isBuiltin(table, chain)) dump.set(name, [...new Set(ours)]);
      }
    }
  }
  return dump;
}

/** Only a rule that is about a destination keeps its comment in a large cluster. */
function withoutOptionalComment(rule: string): string {
  return /(^| )-d /.test(rule) ? rule : rule.replace(/-m comment --comment "[^"]*" /, '');
}
