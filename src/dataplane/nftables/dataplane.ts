import type { Fragment, Ruleset } from '../../../rules/fragment.ts';
import { BASE } from '../../../rules/fragment.ts';
import type { Family } from '../../../rules/model.ts';
import { adoptTable, DRIFT, programmedFragment } from '../../../rules/nftables/adopt.ts';
import { chainBody } from '../../../rules/nftables/equality.ts';
import { parseKey, TABLE_KEY } from '../../../rules/nftables/objects.ts';
import { planNftables } from '../../../rules/nftables/plan.ts';
import { type Dataplane, DataplaneError, type Ledger, type Plan } from '../dataplane.ts';
import { requireOwnTable } from './probe.ts';
import type { NftTools } from './tools.ts';

/** nftables mode: a transaction for each section of a plan; nothing is listed but at adoption. */
export class NftablesDataplane implements Dataplane {
  readonly #tools: NftTools;

  constructor(tools: NftTools) {
    this.#tools = tools;
  }

  get family(): Family {
    return this.#tools.family;
  }

  /** A table that cannot be listed is known to be there, and will be replaced. */
  async adopt(signal: AbortSignal): Promise<Ledger> {
    const listing = await this.#tools.list(signal);
    requireOwnTable(this.#tools, listing);
    return listing === undefined ? new Map([[TABLE_KEY, DRIFT]]) : adoptTable(listing);
  }

  /**
   * Whether each static chain still has as many rules as it should, which a flush changes whatever the tool. Listing
   * a chain would cost as much as listing everything.
   */
  async isIntact(ruleset: Ruleset, signal: AbortSignal): Promise<boolean> {
    const checks = (ruleset.fragment(BASE) ?? []).flatMap(({ key }) => {
      const { kind, name } = parseKey(key);
      const count = kind === 'chain' ? chainBody(ruleset.text(key) ?? '').rules.length : 0;
      // Can be added behind the last rule, if there is one.
      return count === 0 ? [] : [`add rule ${this.#tools.table} ${name} index ${count - 1} continue\n`];
    });
    try {
      await this.#tools.check(checks.join(''), signal);
      return true;
    } catch (error) {
      if (error instanceof DataplaneError && error.code === 'drift') return false;
      throw error;
    }
  }

  plan(ruleset: Ruleset, ledger: Ledger, keys?: Iterable<string>): Plan {
    return planNftables(this.family, ruleset, ledger, keys);
  }

  async apply(plan: Plan, signal: AbortSignal): Promise<void> {
    for (const { text } of plan.sections) await this.#tools.apply(text, signal);
  }

  programmed(fragment: Fragment, ledger: Ledger): Fragment {
    return programmedFragment(fragment, ledger);
  }
}
