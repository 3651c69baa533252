import type { Ruleset } from '../../../rules/fragment.ts';
import { BASE } from '../../../rules/fragment.ts';
import type { Family, ServicePortKey } from '../../../rules/model.ts';
import { compareText } from '../../../rules/topology.ts';
import type { Mode } from '../../config/settings.ts';
import { iptablesView } from './iptables-view.ts';
import { ipvsView } from './ipvs-view.ts';
import { type DifferenceLine, lineDifference } from './lines.ts';
import { nftablesView } from './nftables-view.ts';
import type { Attribution, KernelState, ModeView, ViewOf } from './view.ts';

/** What differs between what one IP family of a node should have and what its kernel has. */
export interface FamilyDifference {
  readonly family: Family;
  /** ServicePorts of which nothing differs. */
  readonly inStep: number;
  /** What all share first, then by ServicePort, then what is nobody's. */
  readonly groups: readonly GroupDifference[];
}

/** What differs of one owner. */
export interface GroupDifference {
  readonly owner: 'base' | 'ServicePort' | 'unknown';
  /** `namespace/name:port/protocol` of a ServicePort; what is known of it for others. */
  readonly label: string;
  /** `missing`: nothing of it is in the kernel. `extra`: nobody wants anything of it. */
  readonly state: 'missing' | 'changed' | 'extra';
  readonly objects: readonly ObjectDifference[];
}

/** Lines of one place, in the words of the mode's tools. */
export interface ObjectDifference {
  /** `*nat`, `table ip kube-proxy`, `ipset`. */
  readonly place: string;
  readonly lines: readonly DifferenceLine[];
  /** What lines do not tell: that a chain is in disorder. */
  readonly note: string | undefined;
}

/**
 * Compares as the daemon does when it starts: what differs is what it would write then. What is without effect, such
 * as the order of dispatch rules, counters and the comments of large clusters, does not. Pure.
 */
export function familyDifference(
  mode: Mode,
  family: Family,
  ruleset: Ruleset,
  kernel: KernelState,
): FamilyDifference {
  const view = VIEWS[mode](family, ruleset, kernel);
  const groups = new Map<string, Group>();
  for (const change of changes(view, ruleset, kernel)) {
    const object = objectDifference(view, change);
    if (!object) continue;
    const { owner, label } = ownerOf(view, ruleset, change);
    const group = groups.get(label) ?? { owner, label, objects: [] };
    groups.set(label, group);
    group.objects.push(object);
  }
  const found = [...groups.values()].map((group) => ({
    ...group,
    objects: group.objects.toSorted((a, b) => additionsIn(a) - additionsIn(b)),
    state: stateOf(group, ruleset, kernel),
  }));
  const wanted = [...ruleset.owners()].filter((owner) => owner !== BASE);
  return {
    family,
    inStep: wanted.filter((owner) => !groups.has(owner)).length,
    groups: found.sort((a, b) => RANKS[a.owner] - RANKS[b.owner] || compareText(a.label, b.label)),
  };
}

const VIEWS: Readonly<Record<Mode, ViewOf>> = {
  iptables: iptablesView,
  ipvs: ipvsView,
  nftables: nftablesView,
};

const RANKS = { base: 0, ServicePort: 1, unknown: 2 } as const;

interface Group extends Pick<GroupDifference, 'owner' | 'label'> {
  readonly objects: ObjectDifference[];
}

interface Change {
  readonly key: string;
  readonly desired: string | undefined;
  readonly actual: string | undefined;
}

function* changes(view: ModeView, ruleset: Ruleset, { ledger }: KernelState): Iterable<Change> {
  const after = new Map<string, string | undefined>();
  for (const section of view.plan(ruleset, ledger).sections) {
    for (const [key, text] of section.changes) after.set(key, text);
  }
  for (const key of view.uncovered.keys()) if (!after.has(key)) after.set(key, ruleset.text(key));
  for (const [key, planned] of after) {
    const desired = view.desired ? (view.desired(key, ruleset) ?? planned) : planned;
    const uncovered = view.uncovered.get(key);
    if (uncovered !== undefined && ledger.get(key) === view.drift) yield { key, desired, actual: view.drift };
    const actual = uncovered ?? (view.actual ? view.actual(key, desired) : ledger.get(key));
    if (desired === actual) continue;
    if (desired !== undefined && actual !== undefined && view.isSame(key, desired, actual)) continue;
    yield { key, desired, actual };
  }
}

function objectDifference(view: ModeView, { key, desired, actual }: Change): ObjectDifference | undefined {
  const shown = view.show(key);
  if (!shown) return undefined;
  const { place, head, headAlways, print } = shown;
  if (actual === view.drift) {
    const lines = head === undefined ? [] : [{ sign: ' ', text: head } as const];
    return { place, lines, note: view.driftNote };
  }
  const before = actual === undefined ? [] : shown.lines(actual);
  const after = desired === undefined ? [] : shown.lines(desired);
  const [essenceBefore, essenceAfter] = [before.map(view.essence), after.map(view.essence)];
  const isSame = (i: number, j: number): boolean =>
    before[i] === after[j] ||
    (essenceBefore[i] === essenceAfter[j] && view.isSame(key, after[j] ?? '', before[i] ?? ''));
  const lines = lineDifference(before, after, isSame).map(({ sign, text }) => ({ sign, text: print(text) }));
  const sign = actual === undefined ? '+' : desired === undefined ? '-' : ' ';
  const withHead = head !== undefined && (sign !== ' ' || headAlways);
  return { place, lines: withHead ? [{ sign, text: head }, ...lines] : lines, note: undefined };
}

function ownerOf(view: ModeView, ruleset: Ruleset, { key, actual }: Change): Pick<Group, 'owner' | 'label'> {
  const owner = ruleset.owner(key);
  if (owner === BASE || actual === view.drift) return { owner: 'base', label: BASE };
  if (owner !== undefined) return { owner: 'ServicePort', label: owner };
  const found: Attribution | undefined = view.attribute(key, actual ?? '');
  if (!found) return { owner: 'unknown', label: '' };
  return { owner: found.isServicePort ? 'ServicePort' : 'unknown', label: found.label };
}

/** What goes is shown before what comes in its place. */
function additionsIn({ lines }: ObjectDifference): number {
  return lines.every(({ sign }) => sign === '-') ? 0 : 1;
}

function stateOf(
  { owner, label }: Group,
  ruleset: Ruleset,
  { ledger }: KernelState,
): GroupDifference['state'] {
  if (owner === 'unknown') return 'extra';
  const fragment = ruleset.fragment(label as ServicePortKey);
  if (!fragment) return 'extra';
  return fragment.some(({ key }) => ledger.has(key)) ? 'changed' : 'missing';
}
