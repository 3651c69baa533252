import type { Fragment } from '../rules/fragment.ts';
import { BASE, Ruleset } from '../rules/fragment.ts';
import type { Family, NodeFacts, ProxySettings, ServicePort, ServicePortKey } from '../rules/model.ts';
import { compareText } from '../rules/topology.ts';
import type { LostClaim } from './tracker/claims.ts';
import type { Tracker } from './tracker/tracker.ts';

/** What all fragments of a family depend on besides their ServicePort. */
export interface Context {
  readonly node: NodeFacts;
  readonly settings: ProxySettings;
  /** More than 1,000 endpoints in this family: endpoint rules go without comments (iptables mode). */
  readonly largeCluster: boolean;
}

/** How a mode turns the model into objects. Pure. */
export interface Compiler {
  base(context: Context): Fragment;
  /** @param before what the same ServicePort was compiled to, where looking at that saves work */
  servicePort(servicePort: ServicePort, context: Context, before?: Fragment): Fragment;
}

/** Is told what each ServicePort is like when it is compiled; undefined: it is gone. */
export type Compiled = (key: ServicePortKey, servicePort: ServicePort | undefined, node: NodeFacts) => void;

/**
 * Endpoints of one family above which comments vanish, and below which they come back: kube-proxy has the first
 * number for both, and would rewrite everything at each crossing.
 */
export const LARGE_CLUSTER_ENDPOINTS = 1000;
const LARGE_CLUSTER_ENDS_BELOW = 900;

/** A ServicePort with at least so many objects is compiled with its last compilation at hand. */
const BIG_FRAGMENT = 250;

/** What the kernel should have for one IP family, kept up to date ServicePort by ServicePort. */
export class DesiredState {
  readonly ruleset = new Ruleset();
  readonly #family: Family;
  readonly #tracker: Tracker;
  readonly #compiler: Compiler;
  readonly #compiled: Compiled;
  readonly #lost = new Map<ServicePortKey, readonly LostClaim[]>();
  /** Fragments before the changes that are not known to be applied; undefined where there was none. */
  readonly #lastGood = new Map<ServicePortKey, Fragment | undefined>();
  /** What big ServicePorts were compiled to, and not what was put in their place, whose spellings may differ. */
  readonly #big = new Map<ServicePortKey, Fragment>();
  #context: Context | undefined;
  #contextText = '';
  #largeCluster = false;

  constructor(family: Family, tracker: Tracker, compiler: Compiler, compiled: Compiled = () => {}) {
    this.#compiled = compiled;
    this.#family = family;
    this.#tracker = tracker;
    this.#compiler = compiler;
  }

  /**
   * Brings the ruleset up to date: what has changed since the last call, or everything where node or settings have.
   * @returns keys of the objects that changed, and the ServicePorts that were compiled.
   */
  update(
    node: NodeFacts,
    settings: ProxySettings,
  ): { keys: ReadonlySet<string>; servicePorts: readonly ServicePortKey[] } {
    const endpoints = this.#tracker.endpointCount(this.#family);
    this.#largeCluster =
      endpoints > (this.#largeCluster ? LARGE_CLUSTER_ENDS_BELOW - 1 : LARGE_CLUSTER_ENDPOINTS);
    const context = { node, settings, largeCluster: this.#largeCluster };
    this.#context = context;
    const keys = new Set<string>();
    let servicePorts = this.#tracker.takeDirty(this.#family);
    // Only comments depend on the size of the cluster: its change alone is no reason to recompile.
    const text = JSON.stringify([node, settings]);
    if (text !== this.#contextText) {
      this.#contextText = text;
      for (const key of this.ruleset.set(BASE, this.#compiler.base(context))) keys.add(key);
      const all = new Set([...this.#tracker.servicePortKeys(this.#family), ...servicePorts]);
      servicePorts = [...all].sort(compareText);
    }
    for (const key of servicePorts) for (const changed of this.recompile(key)) keys.add(changed);
    return { keys, servicePorts };
  }

  /** Compiles one ServicePort anew. @returns keys of the objects that changed. */
  recompile(key: ServicePortKey): readonly string[] {
    if (!this.#context) return [];
    const resolved = this.#tracker.resolve(this.#family, key);
    if (resolved && resolved.lost.length > 0) this.#lost.set(key, resolved.lost);
    else this.#lost.delete(key);
    this.#compiled(key, resolved?.servicePort, this.#context.node);
    if (!this.#lastGood.has(key)) this.#lastGood.set(key, this.ruleset.fragment(key));
    const fragment =
      resolved && this.#compiler.servicePort(resolved.servicePort, this.#context, this.#big.get(key));
    const changed = this.ruleset.set(key, fragment);
    // As the ruleset has it: that holds the texts already.
    const kept = this.ruleset.fragment(key);
    if (kept && kept.length >= BIG_FRAGMENT) this.#big.set(key, kept);
    else this.#big.delete(key);
    return changed;
  }

  /** All that has been compiled is in the kernel now. */
  commit(): void {
    this.#lastGood.clear();
  }

  /**
   * Goes back to the ServicePort's last good fragment.
   * @param programmed tells what the kernel has in place of a fragment, where none has been good since the start
   */
  revert(key: ServicePortKey, programmed: (refused: Fragment) => Fragment): void {
    const refused = this.ruleset.fragment(key) ?? [];
    this.ruleset.set(key, this.#lastGood.get(key) ?? programmed(refused));
  }

  /** Destinations that go to an older Service. */
  get lostClaims(): readonly LostClaim[] {
    return [...this.#lost.values()].flat();
  }
}
