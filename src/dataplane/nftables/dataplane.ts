import type { Fragment, Ruleset } from '../../../rules/fragment.ts';
import type { Family } from '../../../rules/model.ts';
import { adoptTable, DRIFT, programmedFragment } from '../../../rules/nftables/adopt.ts';
import { LookRound, lookText } from '../../../rules/nftables/look.ts';
import { TABLE_KEY } from '../../../rules/nftables/objects.ts';
import { planNftables } from '../../../rules/nftables/plan.ts';
import { type Dataplane, DataplaneError, type Ledger, type Plan } from '../dataplane.ts';
import { requireOwnTable } from './probe.ts';
import type { NftTools } from './tools.ts';

/** Looked at in a time that is not to be measured beside that which nft takes to know the table. */
const LOOK_OBJECTS = 1000;

/** nftables mode: a transaction for each section of a plan; nothing is listed but at adoption. */
export class NftablesDataplane implements Dataplane {
  readonly #tools: NftTools;
  #round: LookRound | undefined;

  constructor(tools: NftTools) {
    this.#tools = tools;
  }

  get family(): Family {
    return this.#tools.family;
  }

  /** A table that cannot be listed is known to be there, and will be replaced. */
  async adopt(signal: AbortSignal): Promise<Ledger> {
    return (await this.#read(signal)) ?? new Map([[TABLE_KEY, DRIFT]]);
  }

  async verify(signal: AbortSignal): Promise<Ledger> {
    const ledger = await this.#read(signal);
    if (ledger) return ledger;
    throw new DataplaneError('transient', `nft does not get table ${this.#tools.table} listed`);
  }

  /**
   * Whether the static chains still have as many rules as they should, which a flush changes whatever the tool, and
   * each set and map an element of ours. Of the Services' own chains and elements some are looked at each time.
   */
  async isIntact(ruleset: Ruleset, signal: AbortSignal): Promise<boolean> {
    if (this.#round?.ruleset !== ruleset) this.#round = new LookRound(ruleset);
    try {
      await this.#tools.check(lookText(this.family, ruleset, this.#round.next(LOOK_OBJECTS)), signal);
      return true;
    } catch (error) {
      if (error instanceof DataplaneError && error.code === 'drift') return false;
      throw error;
    }
  }

  plan(ruleset: Ruleset, ledger: Ledger, keys?: Iterable<string>, loose?: ReadonlySet<string>): Plan {
    return planNftables(this.family, ruleset, ledger, keys, { loose });
  }

  async apply(plan: Plan, signal: AbortSignal): Promise<void> {
    for (const { text } of plan.sections) await this.#tools.apply(text, signal);
  }

  programmed(fragment: Fragment, ledger: Ledger): Fragment {
    return programmedFragment(fragment, ledger);
  }

  async #read(signal: AbortSignal): Promise<Ledger | undefined> {
    const listing = await this.#tools.list(signal);
    requireOwnTable(this.#tools, listing);
    return listing === undefined ? undefined : adoptTable(listing);
  }
}
