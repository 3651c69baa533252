import { cidrContains, familyOf } from '../address.ts';
import type { Fragment, KernelObject } from '../fragment.ts';
import { canonicalRule, parseRule } from '../iptables/rule.ts';
import type { SavedTable } from '../iptables/save.ts';
import type { Address, Cidr, Family } from '../model.ts';
import type { Table } from './chains.ts';
import { BUILTIN_CHAINS, OWN_CHAINS, SHARED_CHAIN, TABLES } from './chains.ts';
import { hostOf, isDraining, portOf, splitKey } from './objects.ts';
import type { SavedSet, SavedVirtual } from './saved.ts';
import type { SetId } from './sets.ts';
import { setIds, setName } from './sets.ts';

/** What is believed to be in the kernel: key to text. See objects.ts for the keys. */
export type Ledger = Map<string, string>;

/** The text of a chain that cannot be repaired rule by rule. No compiled text equals it. */
export const DRIFT = '\0drift';

/** A node's state in ipvs mode, as its tools print it. */
export interface SavedNode {
  readonly virtuals: readonly SavedVirtual[];
  readonly sets: ReadonlyMap<string, SavedSet>;
  /** Of kube-ipvs0. */
  readonly addresses: readonly Address[];
  readonly tables: readonly SavedTable[];
}

/**
 * Reads one family's part into a ledger. Virtual servers that do not belong to a proxy are kept apart as strangers:
 * they are touched only where a Service wants the very same address and port.
 * @param excluded networks in which only virtual servers that the sets know belong to a proxy
 */
export function adopt(saved: SavedNode, family: Family, excluded: readonly Cidr[]): Ledger {
  const ledger: Ledger = new Map();
  for (const name of setIds(family).keys()) {
    const set = saved.sets.get(name);
    if (!set) continue;
    ledger.set(`set ${name}`, set.definition);
    for (const entry of set.entries) ledger.set(`entry ${name} ${entry}`, '');
  }
  for (const address of saved.addresses) {
    if (familyOf(address) === family) ledger.set(`address ${address}`, '');
  }
  for (const virtual of saved.virtuals) {
    if (familyOf(hostOf(virtual.server)) !== family) continue;
    const kind = isOurs(virtual, ledger, family, excluded) ? 'virtual' : 'stranger';
    const { protocol, server, options, reals } = virtual;
    ledger.set(`${kind} ${protocol} ${server}`, [options, ...reals].join('\n'));
  }
  for (const table of TABLES) adoptTable(ledger, table, saved.tables);
  return ledger;
}

/**
 * What the ledger has in place of this fragment: the objects of the same keys as they are there, without what drains.
 */
export function programmedFragment(fragment: Fragment, ledger: Ledger): Fragment {
  const found: KernelObject[] = [];
  for (const { key } of fragment) {
    const text = ledger.get(key);
    if (text === undefined) continue;
    const { kind } = splitKey(key);
    const lines = text.split('\n').filter((line) => kind !== 'virtual' || !isDraining(line));
    found.push({ key, text: lines.join('\n') });
  }
  return found;
}

const PORTALS: readonly SetId[] = [
  'KUBE-CLUSTER-IP',
  'KUBE-EXTERNAL-IP',
  'KUBE-EXTERNAL-IP-LOCAL',
  'KUBE-LOAD-BALANCER',
];

/**
 * A proxy's virtual servers have their addresses on kube-ipvs0, or their node ports and addresses in its sets, and
 * all masquerade. In an excluded network only the sets count: they name the port as well.
 */
function isOurs(
  { protocol, server, reals }: SavedVirtual,
  ledger: Ledger,
  family: Family,
  excluded: readonly Cidr[],
): boolean {
  if (!reals.every((real) => real.includes(' -m '))) return false;
  const address = hostOf(server);
  const port = portOf(server);
  const has = (id: SetId, element: string): boolean => ledger.has(`entry ${setName(id, family)} ${element}`);
  const portal = `${address},${protocol}:${port}`;
  return (
    (protocol === 'tcp' && has('KUBE-NODE-PORT-TCP', String(port))) ||
    (protocol === 'udp' && has('KUBE-NODE-PORT-UDP', String(port))) ||
    (protocol === 'sctp' && has('KUBE-NODE-PORT-SCTP-HASH', portal)) ||
    PORTALS.some((id) => has(id, portal)) ||
    (ledger.has(`address ${address}`) && !excluded.some((cidr) => cidrContains(cidr, address)))
  );
}

function adoptTable(ledger: Ledger, table: Table, saved: readonly SavedTable[]): void {
  const chains = saved.find((entry) => entry.table === table)?.chains;
  const own = new Set(OWN_CHAINS[table]);
  for (const [chain, { rules }] of chains ?? []) {
    const canonical = rules.map((rule) => canonicalRule(rule));
    const isShared = table === SHARED_CHAIN.table && chain === SHARED_CHAIN.chain;
    if (own.has(chain)) {
      const broken =
        isShared && (canonical.includes(undefined) || new Set(canonical).size < canonical.length);
      const lines = isShared ? [] : canonical.map((rule, i) => rule ?? rules[i]);
      ledger.set(`chain ${table} ${chain}`, broken ? DRIFT : lines.join('\n'));
      if (!isShared || broken) continue;
    } else if (!BUILTIN_CHAINS[table].includes(chain)) {
      continue;
    }
    for (const rule of canonical) {
      // Of a chain that is not ours, what leads to us.
      if (rule === undefined || (!isShared && !own.has(targetOf(rule)))) continue;
      ledger.set(`rule ${table} ${chain} ${rule}`, '');
    }
  }
}

function targetOf(rule: string): string {
  return rule.includes('KUBE-') ? (parseRule(rule)?.target?.name ?? '') : '';
}
