import type { Fragment, Ruleset } from '../../../rules/fragment.ts';
import { adopt, programmedFragment } from '../../../rules/iptables/adopt.ts';
import { planIptables } from '../../../rules/iptables/plan.ts';
import type { Family } from '../../../rules/model.ts';
import type { Dataplane, Ledger, Plan } from '../dataplane.ts';
import type { IptablesTools } from './tools.ts';

/** iptables mode: one process reads a family's rules, one writes a whole plan. */
export class IptablesDataplane implements Dataplane {
  readonly #tools: IptablesTools;

  constructor(tools: IptablesTools) {
    this.#tools = tools;
  }

  get family(): Family {
    return this.#tools.family;
  }

  async adopt(signal: AbortSignal): Promise<Ledger> {
    return adopt(await this.#tools.save(signal));
  }

  plan(ruleset: Ruleset, ledger: Ledger, keys?: Iterable<string>): Plan {
    const batch = this.#tools.backend === 'legacy' ? { batch: Number.POSITIVE_INFINITY } : {};
    return planIptables(ruleset, ledger, keys, batch);
  }

  async apply(plan: Plan, signal: AbortSignal): Promise<void> {
    await this.#tools.restore(plan.sections.map(({ text }) => text).join(''), signal);
  }

  programmed(fragment: Fragment, ledger: Ledger): Fragment {
    return programmedFragment(fragment, ledger);
  }
}
