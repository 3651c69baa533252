import type { Ruleset } from '../fragment.ts';
import { BASE } from '../fragment.ts';
import type { Family, ServicePortKey } from '../model.ts';
import type { Ledger } from './adopt.ts';
import { DRIFT } from './adopt.ts';
import { isSameText } from './equality.ts';
import type { ParsedKey } from './objects.ts';
import { parseKey, TABLE_KEY } from './objects.ts';
import type { Section } from './payload.ts';
import { SectionBuilder } from './payload.ts';

/** The ordered difference between what should be in the kernel and what is believed to be there. */
export interface Plan {
  readonly sections: readonly Section[];
  /** Commands. */
  readonly lines: number;
  /** Keys of chains and sets that nothing leads to any more once this is applied, and that are left. */
  readonly later: readonly string[];
}

export interface PlanOptions {
  /**
   * Commands in one transaction, about: an owner's objects never part.
   * @default 5000
   */
  readonly operations?: number;
  /**
   * Chains and sets that nothing leads to since an earlier plan. They may go with whatever else changes, and others
   * are left for later: each transaction has its price, however small it is. Absent: all go at once.
   */
  readonly loose?: ReadonlySet<string> | undefined;
}

/**
 * The kernel's time for one transaction grows faster than linearly with it: 10,000 Services load in 6.7 s in
 * transactions of 2,500 to 10,000 commands, in 8.3 s in transactions of 1,000 (each lets nft read its cache again)
 * and in 10.6 s in a single one, which needs four times the memory, too.
 */
export const OPERATIONS = 5000;

/**
 * Plans the way from the ledger to the ruleset for the given keys (all keys of both, by default).
 *
 * A transaction is one step for every packet, and what one ServicePort adds and changes is in one of them. Then go
 * elements, those that lead to endpoints before those that refuse; and at last the chains and sets that nothing leads
 * to any more, in transactions of their own or with the next plan. Every prefix of the plan is safe.
 *
 * A table that cannot be repaired in place is replaced in one transaction, so that no packet finds it missing.
 */
export function planNftables(
  family: Family,
  ruleset: Ruleset,
  ledger: Ledger,
  keys: Iterable<string> = allKeys(ruleset, ledger),
  options: PlanOptions = {},
): Plan {
  const limit = options.operations ?? OPERATIONS;
  const { additions, deletions, broken } = difference(ruleset, ledger, keys);
  if (broken) return planOf([replacement(family, ruleset, ledger)]);
  const sections: SectionBuilder[] = [];
  addOwners(family, additions, { ruleset, ledger, deletions }, limit, sections);
  const { now, later } = putOff(deletions, options.loose);
  addDeletions(family, replace(now, sections), limit, sections, options.loose !== undefined);
  const [first] = sections;
  if (first && ledger.get(TABLE_KEY) === undefined) first.addTable();
  return planOf(
    sections.map((section) => section.build()),
    later.map(({ key }) => key),
  );
}

const HAIRPINS = 'hairpin-connections';

interface Change extends ParsedKey {
  readonly key: string;
  readonly desired: string | undefined;
  readonly actual: string | undefined;
}

interface Difference {
  /** By owner, in order of their first change. The base comes first: all others stand on it. */
  readonly additions: ReadonlyMap<ServicePortKey, readonly Change[]>;
  readonly deletions: Change[];
  /** Nothing less than a new table helps. */
  readonly broken: boolean;
}

function* allKeys(ruleset: Ruleset, ledger: Ledger): Iterable<string> {
  yield* ruleset.keys();
  for (const key of ledger.keys()) if (ruleset.text(key) === undefined) yield key;
}

function difference(ruleset: Ruleset, ledger: Ledger, keys: Iterable<string>): Difference {
  const additions = new Map<ServicePortKey, Change[]>([[BASE, []]]);
  const deletions: Change[] = [];
  let broken = ledger.get(TABLE_KEY) === DRIFT;
  for (const key of keys) {
    if (key === TABLE_KEY) continue;
    const desired = ruleset.text(key);
    const actual = ledger.get(key);
    if (desired === actual) continue;
    if (desired !== undefined && actual !== undefined && isSameText(key, desired, actual)) continue;
    const change = { ...parseKey(key), key, desired, actual };
    if (desired === undefined) {
      deletions.push(change);
      continue;
    }
    // A Pod behind several Services is in this set for all of them.
    const owner = change.name === HAIRPINS ? BASE : (ruleset.owner(key) ?? BASE);
    // Rules and elements of all Services hang on these.
    if (owner === BASE && actual !== undefined && (change.kind === 'set' || change.kind === 'map')) {
      broken = true;
    }
    const own = additions.get(owner);
    if (own) own.push(change);
    else additions.set(owner, [change]);
  }
  return { additions, deletions, broken };
}

interface Known {
  readonly ruleset: Ruleset;
  readonly ledger: Ledger;
  readonly deletions: readonly Change[];
}

function addOwners(
  family: Family,
  additions: Difference['additions'],
  known: Known,
  limit: number,
  sections: SectionBuilder[],
): void {
  let section: SectionBuilder | undefined;
  for (const [owner, changes] of additions) {
    if (changes.length === 0) continue;
    if (!section || section.size >= limit) {
      section = new SectionBuilder(family);
      sections.push(section);
    }
    for (const { key, desired = '', actual } of changes) section.write(key, desired, actual);
    for (const { name, kind, actual } of changes) {
      if (kind === 'set' && actual !== undefined) freeSet(section, name, owner, known);
    }
  }
}

/** A set that is made anew must not be in use: rules that use it are written anew, too, or go before their chain. */
function freeSet(
  section: SectionBuilder,
  set: string,
  owner: ServicePortKey,
  { ruleset, ledger, deletions }: Known,
): void {
  const uses = (text: string | undefined) => text?.includes(`@${set} `);
  for (const { key } of ruleset.fragment(owner) ?? []) {
    const actual = ledger.get(key);
    if (!key.startsWith('chain ') || section.has(key) || !uses(actual)) continue;
    section.write(key, ruleset.text(key) ?? '', actual);
  }
  for (const { key, kind, actual } of deletions) {
    if (kind === 'chain' && uses(actual) && !section.has(key)) section.flush(key);
  }
}

/** Where traffic is led to endpoints, and where what finds none is refused. */
const COUNTERPARTS: Readonly<Record<string, string>> = {
  'service-ips': 'no-endpoint-services',
  'no-endpoint-services': 'service-ips',
  'service-nodeports': 'no-endpoint-nodeports',
  'no-endpoint-nodeports': 'service-nodeports',
};

/**
 * A destination is led to endpoints or refused from one packet to the next: the one goes in the transaction in which
 * the other comes.
 * @returns the other deletions
 */
function replace(deletions: readonly Change[], sections: readonly SectionBuilder[]): readonly Change[] {
  return deletions.filter(({ key, name, element }) => {
    const counterpart = COUNTERPARTS[name];
    if (element === undefined || counterpart === undefined) return true;
    const section = sections.find((each) => each.has(`element ${counterpart} ${element}`));
    section?.delete(key);
    return section === undefined;
  });
}

function putOff(
  deletions: readonly Change[],
  loose: ReadonlySet<string> | undefined,
): { readonly now: readonly Change[]; readonly later: readonly Change[] } {
  if (loose === undefined) return { now: deletions, later: [] };
  const waits = ({ kind, key }: Change) => kind !== 'element' && !loose.has(key);
  return { now: deletions.filter((change) => !waits(change)), later: deletions.filter(waits) };
}

/**
 * Elements may go in the transaction that adds, where all fits in it. Chains and sets follow in others: kernels have
 * been wrong about what is still in use.
 * @param areLoose the chains and sets are not in use since long: they need not follow
 */
function addDeletions(
  family: Family,
  deletions: readonly Change[],
  limit: number,
  sections: SectionBuilder[],
  areLoose: boolean,
): void {
  const chains = deletions.filter(({ kind }) => kind === 'chain');
  const sets = deletions.filter(({ kind }) => kind === 'set' || kind === 'map');
  const containers = new Set(sets.map(({ name }) => name));
  const elements = deletions.filter(({ kind }) => kind === 'element');
  const leaving = elements.filter(({ name }) => !containers.has(name));
  leaving.sort((a, b) => elementRank(a.name) - elementRank(b.name));

  const [only] = sections;
  let section: SectionBuilder | undefined;
  const next = (): SectionBuilder => {
    if (!section || section.size >= limit) {
      section = new SectionBuilder(family);
      sections.push(section);
    }
    return section;
  };
  const joining = leaving.length + (areLoose ? 2 * chains.length + sets.length : 0);
  if (sections.length === 1 && only && only.size + joining <= limit) section = only;
  for (const { key } of leaving) next().delete(key);
  if (!areLoose) section = undefined;
  for (const { key } of chains) next().flush(key);
  for (const { key } of sets) next().delete(key);
  for (const { key, name } of elements) if (containers.has(name)) (section ?? next()).record(key, undefined);
  for (const { key } of chains) next().delete(key);
}

/** Whoever is led to endpoints is let go before those that refuse. */
function elementRank(container: string): number {
  return container === 'firewall-ips' || container.startsWith('no-endpoint-') ? 1 : 0;
}

function replacement(family: Family, ruleset: Ruleset, ledger: Ledger): Section {
  const section = new SectionBuilder(family);
  for (const key of ledger.keys()) section.record(key, undefined);
  section.addTable(true);
  for (const key of ruleset.keys()) section.write(key, ruleset.text(key) ?? '', undefined);
  return section.build();
}

function planOf(sections: readonly Section[], later: readonly string[] = []): Plan {
  return { sections, lines: sections.reduce((sum, { lines }) => sum + lines, 0), later };
}
