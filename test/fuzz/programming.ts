import { adopt, type Ledger } from '../../rules/iptables/adopt.ts';
import { compileBase } from '../../rules/iptables/base.ts';
import { compileServicePort } from '../../rules/iptables/compile.ts';
import { type Plan, type PlanOptions, planIptables } from '../../rules/iptables/plan.ts';
import { parseSave } from '../../rules/iptables/save.ts';
import type { Family } from '../../rules/model.ts';
import { takeDown } from '../../src/dataplane/dataplane.ts';
import { type Compiler, DesiredState } from '../../src/desired-state.ts';
import { Tracker } from '../../src/tracker/tracker.ts';
import type { IptablesModel, Tables } from '../model/iptables.ts';
import type { ServiceDraft } from './clusters.ts';
import { Feed } from './feed.ts';
import type { Surroundings } from './nodes.ts';

/** The rules that a cluster should have, which change as the cluster does. */
export class Programming {
  readonly tracker: Tracker;
  readonly desired: DesiredState;
  /** Comments on endpoint rules, as if the cluster were small. */
  comments = true;
  readonly #feed: Feed;

  constructor(family: Family) {
    this.tracker = new Tracker({
      nodeName: 'node-a',
      report: ({ message }) => {
        throw new Error(`the cluster should hold nothing to complain about: ${message}`);
      },
    });
    this.#feed = new Feed(this.tracker);
    const compiler: Compiler = {
      base: ({ node, settings }) => compileBase(node, settings),
      servicePort: (servicePort, { node, settings }) =>
        compileServicePort(servicePort, node, settings, {
          endpointComments: this.comments,
          // Told of however few endpoints there are.
          before: this.desired.ruleset.fragment(servicePort.key),
        }),
    };
    this.desired = new DesiredState(family, this.tracker, compiler);
  }

  /** Makes the cluster consist of these Services. @returns keys of the objects that changed */
  become(services: readonly ServiceDraft[], { node, settings }: Surroundings): ReadonlySet<string> {
    this.#feed.become(services);
    const { keys } = this.desired.update(node, settings);
    this.desired.commit();
    return keys;
  }
}

/** The rules of a cluster that has just been read. */
export function freshly(family: Family, services: readonly ServiceDraft[], at: Surroundings): Programming {
  const programming = new Programming(family);
  programming.become(services, at);
  return programming;
}

export function adopted(model: IptablesModel): Ledger {
  return adopt(parseSave(model.save()));
}

/** Applies a plan. @returns the tables after each COMMIT */
export function execute(plan: Plan, model: IptablesModel, ledger: Ledger): readonly Tables[] {
  const states = model.restore(plan.sections.map(({ text }) => text).join(''));
  takeDown(plan, ledger);
  return states;
}

/** Brings a model to the desired state, from whatever is in it. @returns the tables after each COMMIT */
export function bring(
  model: IptablesModel,
  { desired }: Programming,
  options?: PlanOptions,
): readonly Tables[] {
  const ledger = adopted(model);
  return execute(planIptables(desired.ruleset, ledger, undefined, options), model, ledger);
}
