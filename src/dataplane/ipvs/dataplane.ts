import type { Fragment, Ruleset } from '../../../rules/fragment.ts';
import { canonicalRule } from '../../../rules/iptables/rule.ts';
import { adopt, programmedFragment, type SavedNode } from '../../../rules/ipvs/adopt.ts';
import { settleChain } from '../../../rules/ipvs/chains.ts';
import { filledSets } from '../../../rules/ipvs/filled.ts';
import { serviceArguments, splitKey, splitWord } from '../../../rules/ipvs/objects.ts';
import { type Section, TOOLS } from '../../../rules/ipvs/payload.ts';
import { planIpvs } from '../../../rules/ipvs/plan.ts';
import type { Address, Cidr, Family } from '../../../rules/model.ts';
import type { Clock } from '../../cluster/clock.ts';
import type { Logger } from '../../cluster/observer.ts';
import { type Dataplane, DataplaneError, type Ledger, type Plan, type PlanSection } from '../dataplane.ts';
import type { IptablesTools } from '../iptables/tools.ts';
import { Drain } from './drain.ts';
import { INTERFACE, type IpvsTools } from './tools.ts';

export interface IpvsDataplaneOptions {
  readonly iptables: IptablesTools;
  readonly tools: IpvsTools;
  /** Virtual servers in these networks are other people's, but for those that the sets know. */
  readonly excludeCIDRs: readonly Cidr[];
}

/** Chains whose rules are looked at to see whether somebody has flushed them. */
const WITNESSES = [
  ['filter', 'KUBE-IPVS-FILTER'],
  ['nat', 'KUBE-SERVICES'],
] as const;

/** ipvs mode, for one IP family: its virtual servers, its sets, its addresses, its iptables rules. */
export class IpvsDataplane implements Dataplane {
  readonly drain: Drain;
  readonly #options: IpvsDataplaneOptions;

  constructor(options: IpvsDataplaneOptions) {
    this.#options = options;
    this.drain = new Drain(options.tools);
  }

  get family(): Family {
    return this.#options.iptables.family;
  }

  /** @param shared what both families look at, where it was read a moment ago */
  async adopt(signal: AbortSignal, shared?: SharedState): Promise<Ledger> {
    const { tools, iptables, excludeCIDRs } = this.#options;
    const [state, tables] = await Promise.all([shared ?? readShared(tools, signal), iptables.save(signal)]);
    const ledger = adopt({ ...state, tables }, this.family, excludeCIDRs);
    this.drain.reset(ledger);
    return ledger;
  }

  plan(ruleset: Ruleset, ledger: Ledger, keys?: Iterable<string>): Plan {
    const { drain } = this;
    const looked = keys && new Set([...keys, ...drain.finished]);
    return planIpvs(ruleset, ledger, looked, {
      isDrained: (virtual, server) => drain.isDrained(virtual, server),
    });
  }

  async apply(plan: Plan, signal: AbortSignal): Promise<void> {
    let applied = 0;
    for (const { tool, sections } of inRuns(plan.sections)) {
      try {
        await this.#restore(tool, sections.map(({ text }) => text).join(''), signal);
      } catch (error) {
        // Some of the plan is in the kernel: to try the same again would be wrong.
        if (error instanceof DataplaneError && error.code === 'transient' && applied > 0)
          throw asDrift(error);
        throw error;
      }
      applied++;
      for (const { changes } of sections) {
        for (const [key, text] of changes) this.drain.note(key, text);
      }
    }
  }

  async isIntact(ruleset: Ruleset, signal: AbortSignal): Promise<boolean> {
    const filled = filledSets(ruleset);
    for (const [table, chain] of WITNESSES) {
      const rules = await this.#options.iptables.listChain(table, chain, signal);
      const wanted = settleChain(ruleset.text(`chain ${table} ${chain}`) ?? '', (set) => filled.has(set));
      if (rules?.map((rule) => canonicalRule(rule) ?? rule).join('\n') !== wanted.join('\n')) return false;
    }
    const witnesses = new Map<string, string>();
    for (const key of ruleset.keys()) {
      const { kind, rest } = splitKey(key);
      if (!witnesses.has(kind)) witnesses.set(kind, rest);
      if (['virtual', 'entry', 'address'].every((other) => witnesses.has(other))) break;
    }
    return (
      (await this.#isThere('ipvsadm', witnesses.get('virtual'), signal)) &&
      (await this.#isThere('ipset', witnesses.get('entry'), signal)) &&
      (await this.#hasAddress(witnesses.get('address'), signal))
    );
  }

  programmed(fragment: Fragment, ledger: Ledger): Fragment {
    return programmedFragment(fragment, ledger);
  }

  /**
   * Removes endpoints that have drained, for as long as the signal lets it.
   * @param request has the next sync plan what is due
   */
  async watch(
    request: () => void,
    { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
    signal: AbortSignal,
  ): Promise<void> {
    await this.drain.run(request, clock, logger, signal);
  }

  #restore(tool: Section['tool'], text: string, signal: AbortSignal): Promise<void> {
    const { tools, iptables } = this.#options;
    return tool === 'iptables' ? iptables.restore(text, signal) : tools.restore(tool, text, signal);
  }

  async #isThere(tool: 'ipvsadm' | 'ipset', rest: string | undefined, signal: AbortSignal): Promise<boolean> {
    if (rest === undefined) return true;
    const args =
      tool === 'ipset' ? ['test', ...splitWord(rest)] : ['-L', '-n', ...serviceArguments(rest).split(' ')];
    return await this.#options.tools.succeeds(tool, args, signal);
  }

  async #hasAddress(address: string | undefined, signal: AbortSignal): Promise<boolean> {
    if (address === undefined) return true;
    const args = ['-o', 'address', 'show', 'dev', INTERFACE, 'to', address];
    const { tools } = this.#options;
    if (!(await tools.succeeds('ip', ['link', 'show', 'dev', INTERFACE], signal))) return false;
    return (await tools.run('ip', args, signal)).stdout !== '';
  }
}

/** What the kernel has of both families. */
export type SharedState = Omit<SavedNode, 'tables'>;

/** @throws DataplaneError */
export async function readShared(tools: IpvsTools, signal: AbortSignal): Promise<SharedState> {
  const [virtuals, sets, addresses] = await Promise.all([
    tools.virtuals(signal),
    tools.sets(signal),
    readAddresses(tools, signal),
  ]);
  return { virtuals, sets, addresses };
}

async function readAddresses(tools: IpvsTools, signal: AbortSignal): Promise<readonly Address[]> {
  const found = await tools.addresses(signal);
  if (found) return found;
  // Somebody has deleted it; the other family may be faster in putting it back.
  const args = ['link', 'add', INTERFACE, 'type', 'dummy'];
  if (await tools.succeeds('ip', args, signal)) return [];
  const again = await tools.addresses(signal);
  if (!again) throw new DataplaneError('environment', `ip ${args.join(' ')}: does not work`);
  return again;
}

interface Run {
  readonly tool: Section['tool'];
  readonly sections: PlanSection[];
}

/** Sections for one tool that follow each other go in one process. */
function inRuns(sections: readonly PlanSection[]): readonly Run[] {
  const runs: Run[] = [];
  for (const section of sections) {
    const tool = toolOf(section);
    const last = runs.at(-1);
    if (last?.tool === tool) last.sections.push(section);
    else runs.push({ tool, sections: [section] });
  }
  return runs;
}

function toolOf(section: PlanSection): Section['tool'] {
  const tool = 'tool' in section ? TOOLS.find((name) => name === section.tool) : undefined;
  if (tool === undefined) throw new Error('a plan of another mode');
  return tool;
}

function asDrift(error: DataplaneError): DataplaneError {
  return new DataplaneError('drift', error.message, { cause: error });
}
