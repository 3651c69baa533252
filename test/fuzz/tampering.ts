import fc from 'fast-check';
import { chainKind, isBuiltin } from '../../rules/iptables/chains.ts';
import type { SavedTable } from '../../rules/iptables/save.ts';
import { targetOf } from '../model/iptables.ts';

/** Something that somebody else does to a node's rules. Numbers choose among what is there. */
export type Tampering =
  | {
      readonly kind: 'delete rule' | 'repeat rule' | 'move to top';
      readonly chain: number;
      readonly rule: number;
    }
  | { readonly kind: 'add rule'; readonly chain: number; readonly rule: number; readonly text: string }
  | { readonly kind: 'flush chain' | 'delete chain'; readonly chain: number }
  | { readonly kind: 'leave chains'; readonly hash: string }
  | { readonly kind: 'foreign rule'; readonly chain: number; readonly rule: number; readonly text: string };

const number = fc.nat(1000);
/** The third is none of iptables-save's, but iptables-save prints such things of extensions newer than itself. */
const STRANGE = [
  '-s 198.18.0.0/15 -j RETURN',
  '-d 10.96.0.1/32 -p tcp -m tcp --dport 80 -j ACCEPT',
  '[unsupported revision]',
  '-m comment --comment "a \\"quoted\\" word" -j RETURN',
];
const FOREIGN = [
  '-s 198.18.0.0/15 -j ACCEPT',
  '-j FOREIGN',
  '-m comment --comment "not for KUBE-SERVICES" -j FOREIGN',
  '-m ttl --ttl-eq 1 -j DROP',
];

export const tamperings: fc.Arbitrary<readonly Tampering[]> = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constantFrom('delete rule', 'repeat rule', 'move to top'),
      chain: number,
      rule: number,
    }),
    fc.record({
      kind: fc.constant('add rule'),
      chain: number,
      rule: number,
      text: fc.constantFrom(...STRANGE),
    }),
    fc.record({ kind: fc.constantFrom('flush chain', 'delete chain'), chain: number }),
    fc.record({
      kind: fc.constant('leave chains'),
      hash: fc.constantFrom('AAAAAAAAAAAAAAAA', 'ZZZZZZZZZZZZZZZZ'),
    }),
    fc.record({
      kind: fc.constant('foreign rule'),
      chain: number,
      rule: number,
      text: fc.constantFrom(...FOREIGN),
    }),
  ) as fc.Arbitrary<Tampering>,
  { minLength: 1, maxLength: 8 },
);

interface Place {
  readonly table: string;
  readonly chain: string;
  readonly rules: string[];
}

/** Changes the tables in place. */
export function tamper(tables: readonly SavedTable[], changes: readonly Tampering[]): void {
  for (const { table, chains } of tables) {
    if (table !== 'mangle') chains.set('FOREIGN', { policy: '-', rules: ['-s 198.18.0.0/15 -j RETURN'] });
  }
  for (const change of changes) apply(tables, change);
}

function apply(tables: readonly SavedTable[], change: Tampering): void {
  const all = placesOf(tables);
  const ours = all.filter(
    ({ table, chain }) => chainKind(table, chain) !== undefined && !isBuiltin(table, chain),
  );
  switch (change.kind) {
    case 'foreign rule': {
      const builtin = all.filter(({ table, chain }) => isBuiltin(table, chain));
      insert(pick(builtin, change.chain)?.rules, change.rule, change.text);
      break;
    }
    case 'add rule':
      insert(pick(ours, change.chain)?.rules, change.rule, change.text);
      break;
    case 'flush chain':
      pick(ours, change.chain)?.rules.splice(0);
      break;
    case 'delete chain': {
      const place = pick(ours, change.chain);
      if (place) deleteChain(tables, place);
      break;
    }
    case 'leave chains':
      leaveChains(tables, change.hash);
      break;
    default: {
      // Also our jumps in the kernel's own chains, though nobody can tell who doubled those.
      const reachable = change.kind === 'delete rule' ? all.filter(isOurRule) : ours;
      const rules = pick(
        reachable.filter((place) => place.rules.length > 0),
        change.chain,
      )?.rules;
      if (rules) alter(rules, change.rule % rules.length, change.kind);
    }
  }
}

function isOurRule({ table, chain, rules }: Place): boolean {
  return chainKind(table, chain) !== undefined && rules.every((rule) => targetOf(rule)?.startsWith('KUBE-'));
}

function alter(rules: string[], at: number, kind: 'delete rule' | 'repeat rule' | 'move to top'): void {
  const [rule = ''] = rules.splice(at, 1);
  if (kind === 'repeat rule') rules.splice(at, 0, rule, rule);
  if (kind === 'move to top') rules.unshift(rule);
}

/** The kernel keeps a chain while a rule leads to it. */
function deleteChain(tables: readonly SavedTable[], { table, chain }: Place): void {
  for (const { table: name, chains } of tables) {
    if (name !== table) continue;
    chains.delete(chain);
    for (const { rules } of chains.values()) {
      const kept = rules.filter((rule) => targetOf(rule) !== chain);
      rules.splice(0, rules.length, ...kept);
    }
  }
}

/** What a proxy leaves behind that was killed before it was done, or was of another version. */
function leaveChains(tables: readonly SavedTable[], hash: string): void {
  const chains = tables.find(({ table }) => table === 'nat')?.chains;
  chains?.set(`KUBE-SEP-${hash}`, {
    policy: '-',
    rules: ['-p tcp -m tcp -j DNAT --to-destination 10.0.0.1:1'],
  });
  chains?.set(`KUBE-SVC-${hash}`, { policy: '-', rules: [`-j KUBE-SEP-${hash}`] });
  chains?.set(`KUBE-XLB-${hash}`, { policy: '-', rules: [`-j KUBE-SVC-${hash}`] });
  chains?.get('KUBE-SERVICES')?.rules.unshift(`-d 10.96.9.9/32 -p tcp -m tcp --dport 9 -j KUBE-XLB-${hash}`);
}

function insert(rules: string[] | undefined, at: number, rule: string): void {
  rules?.splice(at % (rules.length + 1), 0, rule);
}

function placesOf(tables: readonly SavedTable[]): Place[] {
  return tables.flatMap(({ table, chains }) =>
    [...chains].map(([chain, { rules }]) => ({ table, chain, rules })),
  );
}

function pick<T>(list: readonly T[], number: number): T | undefined {
  return list[number % list.length];
}
