import type { Ruleset } from '../fragment.ts';
import type { Ledger } from './adopt.ts';
import { planChains } from './chain-plan.ts';
import { serviceArguments, splitKey, splitWord } from './objects.ts';
import type { Section } from './payload.ts';
import { LineSection, TablesSection } from './payload.ts';
import type { VirtualChange } from './virtual-plan.ts';
import { planVirtual } from './virtual-plan.ts';

/** The ordered difference between what should be in the kernel and what is believed to be there. */
export interface Plan {
  readonly sections: readonly Section[];
  /** Lines of payload that change something. */
  readonly lines: number;
}

export interface PlanOptions {
  /** Whether a real server that drains has no connection left: `ADDRESS:PORT`, and the virtual server's key. */
  readonly isDrained?: (virtual: string, server: string) => boolean;
}

/**
 * Plans the way from the ledger to the ruleset for the given keys (all keys of both, by default).
 *
 * The order makes every prefix of the plan safe. Sets, rules and addresses stand before the virtual servers that
 * rely on them, source ranges before the rule that drops all others; a virtual server and its real servers come in
 * one run of ipvsadm. Removals go the other way round: virtual servers, addresses, rules, and set entries at last.
 */
export function planIpvs(
  ruleset: Ruleset,
  ledger: Ledger,
  keys: Iterable<string> = allKeys(ruleset, ledger),
  { isDrained = () => false }: PlanOptions = {},
): Plan {
  const entered = new LineSection('ipset');
  const early = new TablesSection();
  const bound = new LineSection('ip');
  const servers = new LineSection('ipvsadm');
  const unbound = new LineSection('ip');
  const late = new TablesSection();
  const left = new LineSection('ipset');
  const looked = new Set(keys);

  for (const key of looked) {
    const desired = ruleset.text(key);
    const actual = ledger.get(key);
    const { kind, rest } = splitKey(key);
    switch (kind) {
      case 'set':
        // Sets of ours stay as long as the mode does: rules look into them.
        if (desired === undefined || desired === actual) break;
        entered.add(0, `create ${rest} ${desired}`);
        entered.record(key, desired);
        break;
      case 'entry':
        if (desired === actual) break;
        planEntry(desired === undefined ? left : entered, key, rest, desired);
        break;
      case 'address':
        if (desired === actual) break;
        if (desired !== undefined) bound.add(0, `address replace ${rest} dev kube-ipvs0`);
        else unbound.add(0, `address delete ${rest} dev kube-ipvs0`);
        (desired === undefined ? unbound : bound).record(key, desired);
        break;
      case 'virtual':
        addVirtual(servers, { key, rest, desired, actual }, ledger, isDrained);
        break;
      case 'stranger':
      case 'chain':
      case 'rule':
        break;
    }
  }
  planChains(ruleset, ledger, looked, early, late);

  const sections = [entered, early, bound, servers, unbound, late, left].flatMap((part) => part.build());
  return { sections, lines: sections.reduce((sum, section) => sum + section.lines, 0) };
}

function* allKeys(ruleset: Ruleset, ledger: Ledger): Iterable<string> {
  yield* ruleset.keys();
  for (const key of ledger.keys()) if (ruleset.text(key) === undefined) yield key;
}

/** Who may come in has to be known before the rest is kept out; and what addresses answer before others do not. */
function planEntry(section: LineSection, key: string, rest: string, desired: string | undefined): void {
  const [set] = splitWord(rest);
  const closes = set.endsWith('-IPVS-IPS') ? 2 : set.endsWith('-LOAD-BALANCER-FW') ? 1 : 0;
  if (desired === undefined) section.add(2 - closes, `del ${rest}`);
  else section.add(1 + closes, `add ${rest}`);
  section.record(key, desired);
}

interface Change {
  readonly key: string;
  readonly rest: string;
  readonly desired: string | undefined;
  readonly actual: string | undefined;
}

function addVirtual(
  section: LineSection,
  { key, rest, desired, actual }: Change,
  ledger: Ledger,
  isDrained: NonNullable<PlanOptions['isDrained']>,
): void {
  // Whatever it was, a Service wants it, or did until now: then it is ours.
  const stranger = `stranger ${rest}`;
  const there = actual ?? ledger.get(stranger);
  const change: VirtualChange | undefined = planVirtual(
    serviceArguments(rest),
    desired,
    there,
    // Only TCP knows when a connection ends.
    rest.startsWith('tcp '),
    (server) => isDrained(key, server),
  );
  if (!change) return;
  for (const line of change.additions) section.add(0, line);
  for (const line of change.removals) section.add(1, line);
  section.record(key, change.text);
  if (actual === undefined && there !== undefined) section.record(stranger, undefined);
}
