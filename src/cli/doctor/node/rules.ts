import { FAMILY_NAMES } from '../../../tracker/fields.ts';
import { type NodeDifference, nodeDifference, type UnreadFamily } from '../../diff/difference.ts';
import type { FamilyDifference, GroupDifference } from '../../diff/family-difference.ts';
import { liveKernel } from '../../diff/kernel.ts';
import { type Check, failed, NotKnown, ok, type Result, warning } from '../check.ts';
import type { Facts } from '../facts.ts';
import { requireProgrammed } from '../service/identity.ts';
import { serviceOf } from '../service/policies.ts';
import { counted, summed } from '../words.ts';
import { requireReadable } from './tools.ts';

/** ms that reading and comparing all rules of a big node may take. */
const LIMIT_MS = 20_000;

/** Whether the kernel has the rules of the Service that was asked about. */
export const SERVICE_RULES: Check = {
  id: 'service-rules',
  title: 'rules',
  about: 'service',
  onNode: true,
  limitMs: LIMIT_MS,
  run: async (facts) => {
    const view = await facts.service();
    requireProgrammed(view);
    const { families, unread } = await differences(facts);
    return withUnread(serviceRules(families, `${view.namespace}/${view.name}`), unread);
  },
};

/** Whether the kernel has what all Services share; and where none was asked about, everything else. */
export const NODE_RULES: Check = {
  id: 'node-rules',
  title: 'rules of all',
  about: 'node',
  limitMs: LIMIT_MS,
  run: async (facts) => {
    const { families, unread } = await differences(facts);
    return withUnread(nodeRules(facts.question.target ? families.map(baseOnly) : families), unread);
  },
};

export function serviceRules(families: readonly FamilyDifference[], service: string): Result {
  const own = families.flatMap(({ family, groups }) =>
    groups
      .filter(({ owner, label }) => owner === 'ServicePort' && serviceOf(label) === service)
      .map((group) => ({ family, group })),
  );
  const [first] = own;
  if (!first) return ok(`as they should be, ${summed(families.map(({ family }) => family))}`);
  const { label } = first.group;
  return failed(
    `${counted(new Set(own.map(({ group }) => group.label)).size, 'ServicePort')} not as programmed: ${label} ${groupText(first.group)} (${first.family})`,
    'fairlead diff shows them line by line; a running Fairlead restores them within its syncPeriod, or at its restart',
  );
}

export function nodeRules(families: readonly FamilyDifference[]): Result {
  const groups = families.flatMap((family) => family.groups);
  const known = groups.filter(({ owner }) => owner !== 'unknown');
  const advice = 'fairlead diff shows them line by line';
  if (known.length === 0) {
    const inStep = families.reduce((sum, family) => sum + family.inStep, 0);
    if (groups.length === 0) return ok(`as they should be, of ${counted(inStep, 'ServicePort')}`);
    return warning(
      `${counted(groups.length, 'chain')} or entries of unknown origin under a proxy's names`,
      advice,
    );
  }
  const named = known.map(
    (group) => `${group.owner === 'base' ? 'what all Services share' : group.label} ${groupText(group)}`,
  );
  return failed(`not as programmed: ${summed(named)}`, advice);
}

/** What was not compared is not as it should be, as far as anybody knows. */
export function withUnread(result: Result, unread: readonly UnreadFamily[]): Result {
  const [first] = unread;
  if (!first || result.status !== 'ok') return result;
  const { family, reason } = first;
  const other = family === 'ipv4' ? 'ipv6' : 'ipv4';
  return warning(
    `${FAMILY_NAMES[family]} cannot be compared: ${reason}`,
    `--ip-family=${other} leaves it out, where the node needs only the other`,
  );
}

/** What is wrong, with the first line that tells. */
function groupText({ state, objects }: GroupDifference): string {
  const what = { missing: 'is missing', changed: 'is changed', extra: 'is there though nobody wants it' }[
    state
  ];
  const [first = ''] = objects.flatMap(({ place, lines, note }) => [
    ...lines
      .filter(({ sign }) => sign !== ' ')
      .map(({ sign, text }) => `${place} ${sign === '+' ? 'lacks' : 'has'} "${text.trim()}"`),
    ...(note === undefined ? [] : [note]),
  ]);
  const short = first.length > SHOWN ? `${first.slice(0, SHOWN - 4)}..."` : first;
  return short === '' ? what : `${what}: ${short}`;
}

/** Characters of a rule that are shown. */
const SHOWN = 130;

function baseOnly(family: FamilyDifference): FamilyDifference {
  return { ...family, groups: family.groups.filter(({ owner }) => owner === 'base') };
}

function differences(facts: Facts): Promise<NodeDifference> {
  return facts.once('differences', async () => {
    const tracker = await facts.cluster();
    if (!tracker.node) throw new NotKnown('without a Node it is not known what should be there');
    const { settings, ports, signal } = facts;
    if (settings.mode !== 'nftables') await requireReadable(facts);
    const source = liveKernel(settings, ports.exec, await facts.families());
    const warn = (): void => {};
    return await facts.tool(() => nodeDifference({ tracker, settings, source, warn }, signal));
  });
}
