import type { Family } from '../../../rules/model.ts';
import type { Mode, Settings } from '../../config/settings.ts';
import { DataplaneError } from '../../dataplane/dataplane.ts';
import { primaryFamily } from '../../node-facts.ts';
import { FAMILY_NAMES } from '../../tracker/fields.ts';
import type { Tracker } from '../../tracker/tracker.ts';
import { compileAll } from '../desired.ts';
import { type FamilyDifference, familyDifference } from './family-difference.ts';
import type { RuleSource } from './kernel.ts';

/** What differs between what a node should have and what it has. */
export interface NodeDifference {
  readonly mode: Mode;
  /** What the rules were read from. */
  readonly source: string;
  /** Those that could be compared. */
  readonly families: readonly FamilyDifference[];
  /** Those that could not. */
  readonly unread: readonly UnreadFamily[];
}

/** An IP family that the node can do without, so that the others were compared all the same. */
export interface UnreadFamily {
  readonly family: Family;
  /** One line for people: why it cannot be read. */
  readonly reason: string;
}

/** Whether everything was compared, and nothing differs. */
export function isInStep({ families, unread }: Pick<NodeDifference, 'families' | 'unread'>): boolean {
  return unread.length === 0 && families.every(({ groups }) => groups.length === 0);
}

export interface ComparedNode {
  readonly tracker: Tracker;
  readonly settings: Settings;
  readonly source: RuleSource;
  /** Takes a line for each thing that cannot be used. */
  readonly warn: (message: string) => void;
  /** Is told what begins. */
  readonly stage?: (what: string) => void;
}

/**
 * Compares all that the tracker has, compiled for what the node can do, with the rules of a source. Writes nothing.
 * @throws DataplaneError where the family that the node cannot do without cannot be read
 */
export async function nodeDifference(
  { tracker, settings, source, warn, stage = () => {} }: ComparedNode,
  signal: AbortSignal,
): Promise<NodeDifference> {
  stage(`reading ${source.name}`);
  const localAddresses = settings.localAddresses ?? (await source.localAddresses(signal));
  const found = await Promise.all(
    source.families.map(async (family) => [family, await readOrRefuse(source, family, signal)] as const),
  );
  stage('compiling what should be there');
  const all = compileAll(tracker, { ...settings, localAddresses }, warn);
  const primary = source.families.length === 1 ? source.families[0] : primaryFamily(settings, tracker.node);
  const families: FamilyDifference[] = [];
  const unread: UnreadFamily[] = [];
  for (const [family, kernel] of found) {
    const compiled = all.get(family);
    if (!compiled) continue;
    if (kernel instanceof DataplaneError) {
      if (family === primary) throw kernel;
      if (kernel.code === 'missing') {
        // Nothing is programmed there, so nothing can differ.
        warn(`${FAMILY_NAMES[family]} is left out, as this node has none: ${kernel.message}`);
        continue;
      }
      unread.push({ family, reason: kernel.message });
      continue;
    }
    const { desired, node, settings: proxy } = compiled;
    desired.update(node, { ...proxy, ...kernel.capabilities });
    stage('comparing');
    families.push(familyDifference(settings.mode, family, desired.ruleset, kernel));
  }
  return { mode: settings.mode, source: source.name, families, unread };
}

function readOrRefuse(source: RuleSource, family: Family, signal: AbortSignal) {
  return source.read(family, signal).catch((error: unknown) => {
    if (error instanceof DataplaneError && error.code !== 'aborted') return error;
    throw error;
  });
}
