import { hash } from 'node:crypto';
import type { Fragment, Ruleset } from '../../../rules/fragment.ts';
import { adopt, programmedFragment } from '../../../rules/iptables/adopt.ts';
import { chainKey, ruleKey } from '../../../rules/iptables/chains.ts';
import { isSameText } from '../../../rules/iptables/equality.ts';
import { planIptables } from '../../../rules/iptables/plan.ts';
import type { Family } from '../../../rules/model.ts';
import type { Dataplane, Ledger, Plan } from '../dataplane.ts';
import { type IptablesTools, rulesOf } from './tools.ts';

/** Chains that do not change with Services. Flushing a table empties or deletes them, whatever the tool. */
const WITNESSES = [
  ['mangle', 'KUBE-PROXY-CANARY'],
  ['filter', 'KUBE-FORWARD'],
  ['nat', 'KUBE-POSTROUTING'],
] as const;

const DISPATCH = { table: 'nat', chain: 'KUBE-SERVICES' } as const;

/** iptables mode: one process reads a family's rules, one writes a whole plan. */
export class IptablesDataplane implements Dataplane {
  readonly #tools: IptablesTools;
  /** Of the chain's listing when it was found to be right, unless something was written into it since. */
  #dispatchDigest: string | undefined;

  constructor(tools: IptablesTools) {
    this.#tools = tools;
  }

  get family(): Family {
    return this.#tools.family;
  }

  async adopt(signal: AbortSignal): Promise<Ledger> {
    // What others have written into the chain may be wanted as it is, and would not be written by us.
    this.#dispatchDigest = undefined;
    return adopt(await this.#tools.save(signal));
  }

  async isIntact(ruleset: Ruleset, signal: AbortSignal): Promise<boolean> {
    for (const [table, chain] of WITNESSES) {
      const rules = await this.#tools.listChain(table, chain, signal);
      const key = chainKey(table, chain);
      if (rules === undefined || !isSameText(key, ruleset.text(key) ?? '', rules.join('\n'))) return false;
    }
    return await this.#isDispatchIntact(ruleset, signal);
  }

  /** The chain that leads to all Services is the one that another proxy rewrites at every sync of its own. */
  async #isDispatchIntact(ruleset: Ruleset, signal: AbortSignal): Promise<boolean> {
    const listing = await this.#tools.chainListing(DISPATCH.table, DISPATCH.chain, signal);
    if (listing === undefined) return false;
    // Nearly always it is as it was: no need to take tens of thousands of rules apart again.
    const digest = hash('sha256', listing);
    if (digest === this.#dispatchDigest) return true;
    const isIntact = isDispatch(rulesOf(listing, DISPATCH.chain), ruleset);
    this.#dispatchDigest = isIntact ? digest : undefined;
    return isIntact;
  }

  plan(ruleset: Ruleset, ledger: Ledger, keys?: Iterable<string>): Plan {
    const batch = this.#tools.backend === 'legacy' ? { batch: Number.POSITIVE_INFINITY } : {};
    return planIptables(ruleset, ledger, keys, batch);
  }

  async apply(plan: Plan, signal: AbortSignal): Promise<void> {
    if (plan.sections.some(({ text }) => text.includes(DISPATCH.chain))) this.#dispatchDigest = undefined;
    await this.#tools.restore(plan.sections.map(({ text }) => text).join(''), signal);
  }

  programmed(fragment: Fragment, ledger: Ledger): Fragment {
    return programmedFragment(fragment, ledger);
  }
}

/** Whether the rules are those of the chain that leads to all Services, and its closing ones. */
function isDispatch(rules: readonly string[], ruleset: Ruleset): boolean {
  const { table, chain } = DISPATCH;
  const prefix = ruleKey(table, chain, '');
  let wanted = 1;
  for (const key of ruleset.keys()) if (key.startsWith(prefix)) wanted++;
  // Nearly always all are there, spelled as ours: no need to spell tens of thousands again.
  const leading = rules.slice(0, wanted - 1);
  const areThere = leading.every((rule) => ruleset.text(`${prefix}${rule}`) !== undefined);
  const skipped = areThere && new Set(leading).size === wanted - 1 ? wanted - 1 : 0;
  // Read like a dump, so that spelling and order count as they do there.
  const read = { policy: '-', rules: rules.slice(skipped) };
  const found = adopt([{ table, chains: new Map([[chain, read]]) }]);
  if (found.size !== wanted - skipped) return false;
  for (const [key, text] of found) if (ruleset.text(key) !== text) return false;
  return true;
}
