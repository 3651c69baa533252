import type { Ruleset } from '../fragment.ts';
import type { Ledger } from './adopt.ts';
import { DRIFT } from './adopt.ts';
import type { ParsedKey, Table } from './chains.ts';
import { chainKey, chainKind, chainRank, parseKey } from './chains.ts';
import { isSameText } from './equality.ts';
import type { Section } from './payload.ts';
import { SectionBuilder } from './payload.ts';

/** The ordered difference between what should be in the kernel and what is believed to be there. */
export interface Plan {
  readonly sections: readonly Section[];
  /** Lines of payload that change something. */
  readonly lines: number;
}

export interface PlanOptions {
  /**
   * ServicePorts in one COMMIT: iptables-nft-restore takes time quadratic in the chains of a COMMIT, while
   * iptables-legacy swaps the whole table at every COMMIT and wants only one.
   * @default 250
   */
  readonly batch?: number;
}

/** @see PlanOptions.batch */
export const NFT_BATCH = 250;
/** Deletions of chains and rules in one COMMIT, for the same reason. */
const DELETE_BATCH = 1000;

/**
 * Plans the way from the ledger to the ruleset for the given keys (all keys of both, by default).
 *
 * The order makes every prefix of the plan safe. What a filter refuses comes first: a Service loses its nat rules
 * only once connections to it are rejected, and opens only once its source ranges stand. Then each ServicePort's
 * chains together with the rules that lead to them; then deletions, leading rules before chains; and at last what
 * the filter no longer refuses.
 */
export function planIptables(
  ruleset: Ruleset,
  ledger: Ledger,
  keys: Iterable<string> = allKeys(ruleset, ledger),
  options: PlanOptions = {},
): Plan {
  const { additions, deletions, drifted } = difference(ruleset, ledger, keys);
  const batch = options.batch ?? NFT_BATCH;
  const mangle = additionSections('mangle', additions, Number.POSITIVE_INFINITY);
  const filter = additionSections('filter', additions, Number.POSITIVE_INFINITY);
  const nat = additionSections('nat', additions, batch);
  const coming = new Set(drifted.size === 0 ? [] : additions.map(({ key }) => key));
  const stands = (key: string) => ledger.has(key) || coming.has(key);
  rewriteChains('filter', drifted, ruleset, stands, filter);
  // Every chain that a rewritten dispatch chain leads to has to stand by then.
  rewriteChains('nat', drifted, ruleset, stands, nat);
  const leftovers = replace(deletions, nat);
  addDeletions('nat', leftovers, nat, batch === Number.POSITIVE_INFINITY ? batch : DELETE_BATCH);
  const opened: SectionBuilder[] = [];
  addDeletions('filter', deletions, opened, Number.POSITIVE_INFINITY);

  const sections = [...mangle, ...filter, ...nat, ...opened].map((section) => section.build());
  return { sections, lines: sections.reduce((sum, section) => sum + section.lines, 0) };
}

interface Change extends ParsedKey {
  readonly key: string;
  readonly desired: string | undefined;
  readonly actual: string | undefined;
  readonly owner: string | undefined;
}

interface Difference {
  readonly additions: readonly Change[];
  readonly deletions: readonly Change[];
  /** Shared chains to rewrite whole, by their keys. */
  readonly drifted: ReadonlySet<string>;
}

function* allKeys(ruleset: Ruleset, ledger: Ledger): Iterable<string> {
  yield* ruleset.keys();
  for (const key of ledger.keys()) if (ruleset.text(key) === undefined) yield key;
}

function difference(ruleset: Ruleset, ledger: Ledger, keys: Iterable<string>): Difference {
  const additions: Change[] = [];
  const deletions: Change[] = [];
  const drifted = new Set<string>();
  for (const key of keys) {
    const desired = ruleset.text(key);
    const actual = ledger.get(key);
    if (desired === undefined && actual === undefined) continue;
    const parsed = parseKey(key);
    const kind = chainKind(parsed.table, parsed.chain);
    if (kind === 'shared') {
      const chain = chainKey(parsed.table, parsed.chain);
      if (ledger.get(chain) === DRIFT) {
        drifted.add(chain);
        continue;
      }
    }
    if (desired !== undefined && actual !== undefined && isSameText(key, desired, actual)) continue;
    const change = { ...parsed, key, desired, actual, owner: ruleset.owner(key) };
    if (desired !== undefined) additions.push(change);
    else if (kind !== 'guest') deletions.push(change);
  }
  return { additions, deletions, drifted };
}

/** An owner's objects never part, wherever they stand among the changes: its chains lead to each other. */
function additionSections(table: Table, changes: readonly Change[], batch: number): SectionBuilder[] {
  const own = changes.filter((change) => change.table === table);
  const sections: SectionBuilder[] = [];
  let section: SectionBuilder | undefined;
  let owners = 0;
  for (const objects of Map.groupBy(own, ({ owner }) => owner).values()) {
    if (!section || owners >= batch) {
      section = new SectionBuilder(table);
      sections.push(section);
      owners = 0;
    }
    owners++;
    for (const change of objects) add(section, change);
  }
  return sections;
}

function add(section: SectionBuilder, { key, table, chain, rule, desired = '', actual }: Change): void {
  section.record(key, desired);
  if (rule !== undefined) {
    section.insert(chain, rule);
  } else if (actual === undefined || chainKind(table, chain) === 'own') {
    section.writeChain(chain, linesOf(desired));
  } else {
    // The closing rules of a shared chain: the others need not be touched.
    const before = new Set(linesOf(actual));
    const after = new Set(linesOf(desired));
    for (const line of after) if (!before.has(line)) section.append(chain, line);
    for (const line of before) if (!after.has(line)) section.deleteRule(chain, line);
  }
}

/**
 * Deletes dispatch rules in the COMMIT that adds others for the same traffic of the same ServicePort: behind a new
 * rule that leads to source ranges, the old one would let in whom they refuse.
 * @returns the other deletions
 */
function replace(deletions: readonly Change[], sections: readonly SectionBuilder[]): readonly Change[] {
  if (deletions.length === 0) return deletions;
  const additions = new Map<string, SectionBuilder>();
  for (const section of sections) {
    for (const key of section.keys()) additions.set(trafficOf(parseKey(key)) ?? '', section);
  }
  return deletions.filter(({ table, chain, rule, key }) => {
    const traffic = table === 'nat' ? trafficOf({ chain, rule }) : undefined;
    const section = traffic === undefined ? undefined : additions.get(traffic);
    if (!section || rule === undefined) return true;
    section.record(key, undefined);
    section.deleteRule(chain, rule);
    return false;
  });
}

/** What a dispatch rule matches, and the hash of the chain that it leads to; undefined for other objects. */
function trafficOf({ chain, rule }: Pick<ParsedKey, 'chain' | 'rule'>): string | undefined {
  const hash = rule && dispatchTarget(rule)?.slice(-16);
  const matches = rule?.replace(/ -j \S+$/, '').replace(/ -m comment --comment "[^"]*"/, '');
  return hash && `${chain} ${hash} ${matches}`;
}

/** The chain of a ServicePort that a rule leads to. */
function dispatchTarget(rule: string): string | undefined {
  return / -j (KUBE-[A-Z]+-[A-Z2-7]{16})$/.exec(rule)?.[1];
}

/** Adds to the last section where all fits in it, so that a small change is one COMMIT. */
function addDeletions(
  table: Table,
  changes: readonly Change[],
  sections: SectionBuilder[],
  limit: number,
): void {
  const ordered = changes
    .filter((change) => change.table === table)
    .sort((a, b) => deletionRank(a) - deletionRank(b));
  if (ordered.length === 0) return;
  let section = sections.length === 1 && ordered.length <= limit ? sections[0] : undefined;
  let count = 0;
  for (const change of ordered) {
    if (!section || count >= limit) {
      section = new SectionBuilder(table);
      sections.push(section);
      count = 0;
    }
    count++;
    section.record(change.key, undefined);
    if (change.rule !== undefined) section.deleteRule(change.chain, change.rule);
    else section.deleteChain(change.chain);
  }
}

/** Rules that lead to chains go before them. */
function deletionRank(change: Change): number {
  return change.rule !== undefined ? -1 : chainRank(change.chain);
}

function rewriteChains(
  table: Table,
  drifted: ReadonlySet<string>,
  ruleset: Ruleset,
  stands: (key: string) => boolean,
  sections: SectionBuilder[],
): void {
  for (const key of drifted) {
    const parsed = parseKey(key);
    if (parsed.table !== table) continue;
    let section = sections.at(-1);
    if (!section) {
      section = new SectionBuilder(table);
      sections.push(section);
    }
    const prefix = `${key}:`;
    const rules: string[] = [];
    for (const other of ruleset.keys()) {
      if (!other.startsWith(prefix)) continue;
      const rule = other.slice(prefix.length);
      // In a plan for some keys the chains of others may be missing yet: rules that lead to them come with them.
      const target = dispatchTarget(rule);
      if (target !== undefined && !stands(chainKey('nat', target))) continue;
      rules.push(rule);
      section.record(other, '');
    }
    const closing = ruleset.text(key) ?? '';
    section.record(key, closing);
    section.writeChain(parsed.chain, [...rules, ...linesOf(closing)]);
  }
}

function linesOf(text: string): string[] {
  return text === '' ? [] : text.split('\n');
}
