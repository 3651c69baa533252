import type { Ruleset } from '../../../rules/fragment.ts';
import { adopt, DRIFT, isClosingRule } from '../../../rules/iptables/adopt.ts';
import { chainKey, isHashedChain, parseKey, ruleKey, type Table } from '../../../rules/iptables/chains.ts';
import { isSameText } from '../../../rules/iptables/equality.ts';
import { planIptables } from '../../../rules/iptables/plan.ts';
import { canonicalRule } from '../../../rules/iptables/rule.ts';
import type { Protocol } from '../../../rules/model.ts';
import { servicePortChains } from '../../../rules/names.ts';
import type { Ledger } from '../../dataplane/dataplane.ts';
import type { Attribution, KernelState, ObjectView, ViewOf } from './view.ts';

/** iptables mode: everything is shown as iptables-save prints it. */
export const iptablesView: ViewOf = (_, ruleset, kernel) => {
  const uncovered = uncover(kernel);
  return {
    plan: planIptables,
    isSame: isSameText,
    essence,
    drift: DRIFT,
    driftNote:
      'has rules twice, behind its closing rules, or that no iptables has written: it would be written anew',
    uncovered,
    show,
    attribute: attribution(ruleset, new Map([...kernel.ledger, ...uncovered])),
  };
};

/** How a rule of a chain is shown, and the chain itself. */
export function chainView(table: string, chain: string): ObjectView {
  return {
    place: `*${table}`,
    head: `:${chain}`,
    headAlways: false,
    lines: (text) => (text === '' ? [] : text.split('\n')),
    print: (rule) => `-A ${chain} ${rule}`,
  };
}

/** How a rule that is an object by itself is shown. */
export function ruleView(table: string, chain: string, rule: string): ObjectView {
  return { ...chainView(table, chain), head: `-A ${chain} ${rule}` };
}

/** A rule in canonical spelling, without its comments. */
export function essence(rule: string): string {
  return (canonicalRule(rule) ?? rule).replace(/-m comment --comment (?:"[^"]*"|\S+) /g, '');
}

function show(key: string): ObjectView {
  const { table, chain, rule } = parseKey(key);
  return rule === undefined ? chainView(table, chain) : ruleView(table, chain, rule);
}

/** The rules of chains of which the ledger says only that they are in disorder. */
function uncover({ ledger, tables }: KernelState): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const { table, chains } of tables) {
    for (const [chain, { rules }] of chains) {
      const key = chainKey(table as Table, chain);
      if (ledger.get(key) !== DRIFT) continue;
      const spelled = rules.map((rule) => canonicalRule(rule) ?? rule);
      const [known = ''] = adoptedClosing(table, chain, spelled);
      found.set(key, known);
      for (const rule of spelled)
        if (!isClosingRule(rule)) found.set(ruleKey(table as Table, chain, rule), '');
    }
  }
  return found;
}

/** The closing rules as adoption orders them. */
function adoptedClosing(table: string, chain: string, rules: readonly string[]): readonly string[] {
  const closing = [...new Set(rules.filter(isClosingRule))];
  return [...adopt([{ table, chains: new Map([[chain, { policy: '-', rules: closing }]]) }]).values()];
}

const PROTOCOLS: readonly Protocol[] = ['tcp', 'udp', 'sctp'];

/** By what comments say; and chains that have none by what leads to them. */
function attribution(
  ruleset: Ruleset,
  ledger: Ledger,
): (key: string, text: string) => Attribution | undefined {
  let callers: ReadonlyMap<string, readonly string[]> | undefined;
  const known = new Map<string, string | undefined>();
  const labelOf = (key: string, text: string): string | undefined => {
    if (known.has(key)) return known.get(key);
    known.set(key, undefined);
    const { chain, rule } = parseKey(key);
    let label = commented(rule ?? text, chain);
    if (label === undefined && isHashedChain(chain)) {
      callers ??= callersIn(ledger);
      for (const caller of callers.get(chain) ?? []) {
        label ??= ruleset.owner(caller) ?? labelOf(caller, ledger.get(caller) ?? '');
      }
    }
    known.set(key, label);
    return label;
  };
  return (key, text) => {
    const label = labelOf(key, text);
    return label === undefined ? undefined : { label, isServicePort: true };
  };
}

/** Comments name the ServicePort without its protocol, which the rule matches, or the chain's name is hashed with. */
function commented(rules: string, chain: string): string | undefined {
  const [, name] = /--comment "(?:[^"]* )?([a-z0-9-]+\/[a-z0-9.:-]+)[" ]/.exec(rules) ?? [];
  if (name === undefined) return undefined;
  const [, matched] = /(?:^| )-p (tcp|udp|sctp)\b/m.exec(rules) ?? [];
  const chains = new Set([chain, ...[...rules.matchAll(/-j (KUBE-\S+)/g)].map(([, target = '']) => target)]);
  const protocol =
    PROTOCOLS.find((each) =>
      Object.values(servicePortChains({ name, protocol: each })).some((own) => chains.has(own)),
    ) ?? matched;
  return protocol === undefined ? undefined : `${name}/${protocol}`;
}

/** Keys of the objects that lead to each chain of a ServicePort or an endpoint. */
function callersIn(ledger: Ledger): ReadonlyMap<string, readonly string[]> {
  const callers = new Map<string, string[]>();
  for (const [key, text] of ledger) {
    for (const [, chain = ''] of `${key}\n${text}`.matchAll(/-j (KUBE-[A-Z]+-[A-Z2-7]{16})\b/g)) {
      const list = callers.get(chain) ?? [];
      callers.set(chain, list);
      list.push(key);
    }
  }
  return callers;
}
