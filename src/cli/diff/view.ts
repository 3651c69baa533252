import type { Ruleset } from '../../../rules/fragment.ts';
import type { SavedTable } from '../../../rules/iptables/save.ts';
import type { Family } from '../../../rules/model.ts';
import type { Ledger, Plan } from '../../dataplane/dataplane.ts';

/** What one IP family of a node's kernel has, as a mode reads it. */
export interface KernelState {
  readonly ledger: Ledger;
  /** The tables of iptables, where the mode has some: what a ledger says of a chain may be only that it is broken. */
  readonly tables: readonly SavedTable[];
}

/** Where an object is shown, and how: all in the words of the mode's own tools. */
export interface ObjectView {
  /** What its lines stand under: `*nat`, `table ip kube-proxy`, `ipset`. */
  readonly place: string;
  /** The line that stands for the object itself, before those of its text; undefined where it has none. */
  readonly head: string | undefined;
  /** Whether the head is shown where only lines of the text differ: they do not say what they belong to. */
  readonly headAlways: boolean;
  /** The object's text, a line for each thing that may differ for itself. */
  readonly lines: (text: string) => readonly string[];
  /** One of these lines, whole. */
  readonly print: (line: string) => string;
}

/** Whose an object is that nothing wants. */
export interface Attribution {
  /** `namespace/name:port/protocol`, or what is known in its place: an address, a node port. */
  readonly label: string;
  /** Whether the label is the name of a ServicePort. */
  readonly isServicePort: boolean;
}

/** What a comparison has to know of a mode, for one family of one node. */
export interface ModeView {
  /** The daemon's own. */
  readonly plan: (ruleset: Ruleset, ledger: Ledger) => Plan;
  /** Whether a text is as good as the desired one. */
  readonly isSame: (key: string, desired: string, actual: string) => boolean;
  /** What is equal wherever `isSame` may hold of two lines: a first, fast look. */
  readonly essence: (line: string) => string;
  /** The ledger's text of what is broken as a whole. */
  readonly drift: string;
  /** What is said of it. */
  readonly driftNote: string;
  /** What the ledger does not tell of broken objects: key to text. */
  readonly uncovered: ReadonlyMap<string, string>;
  /** What should be there, for keys of which the plan tells something else; undefined: as the plan has it. */
  readonly desired?: (key: string, ruleset: Ruleset) => string | undefined;
  /** What is there, in the light of what should be. */
  readonly actual?: (key: string, desired: string | undefined) => string | undefined;
  /** undefined for keys that are never shown. */
  readonly show: (key: string) => ObjectView | undefined;
  readonly attribute: (key: string, text: string) => Attribution | undefined;
}

/** Makes the view of a mode. */
export type ViewOf = (family: Family, ruleset: Ruleset, kernel: KernelState) => ModeView;
