import { FAMILY_NAMES } from '../../tracker/fields.ts';
import { alignedRows, plain, type Tone, toned } from '../output.ts';
import { isInStep, type NodeDifference, type UnreadFamily } from './difference.ts';
import type { FamilyDifference, GroupDifference, ObjectDifference } from './family-difference.ts';
import type { DifferenceLine } from './lines.ts';

/** A difference for people: how much there is of it, and then each line. */
export function reportText(difference: NodeDifference): string {
  const { families, unread, mode } = difference;
  const source = plain(difference.source);
  const summary = alignedRows([
    ...families.map((family) => [FAMILY_NAMES[family.family], summaryOf(family)]),
    ...unread.map((each) => [FAMILY_NAMES[each.family], unreadText(each)]),
  ]);
  const groups = families.flatMap((family) => family.groups.map((group) => groupText(family, group)));
  if (groups.length === 0) return summary;
  const hint = families.every(nothingThere)
    ? `Nothing of ${mode} mode is in ${source}: does the proxy there run in another mode (--mode)?\n`
    : '';
  const head = `${toned('bad', `--- ${source}`)}\n${toned('good', `+++ desired in ${mode} mode`)}\n`;
  return `${summary}${hint}\n${head}${groups.join('')}`;
}

/** The same for programs. */
export function jsonOf(difference: NodeDifference): unknown {
  const { mode, source, families, unread } = difference;
  return {
    inStep: isInStep(difference),
    mode,
    source,
    families: families.map(({ family, inStep, groups }) => ({
      family,
      servicePortsInStep: inStep,
      differences: groups.map(({ owner, label, state, objects }) => ({
        owner,
        ...(owner === 'ServicePort' ? { servicePort: label } : {}),
        ...(owner === 'unknown' && label !== '' ? { about: label } : {}),
        state,
        objects: objects.map(({ place, lines, note }) => ({
          place,
          missing: textsOf(lines, '+'),
          extra: textsOf(lines, '-'),
          ...(note === undefined ? {} : { note }),
        })),
      })),
    })),
    unread,
  };
}

function unreadText({ family, reason }: UnreadFamily): string {
  const other = family === 'ipv4' ? 'ipv6' : 'ipv4';
  return `${toned('bad', 'cannot be compared')}: ${plain(reason)} (--ip-family=${other} leaves it out)`;
}

function textsOf(lines: readonly DifferenceLine[], sign: DifferenceLine['sign']): readonly string[] {
  return lines.filter((line) => line.sign === sign).map(({ text }) => text);
}

const STATES = { changed: 'differs', missing: 'is missing', extra: 'is not wanted' } as const;
const MANY_STATES = { changed: 'differ', missing: 'are missing', extra: 'are not wanted' } as const;

function summaryOf({ inStep, groups }: FamilyDifference): string {
  const parts = [toned(groups.length === 0 ? 'good' : 'strong', `in step: ${counted(inStep)}`)];
  for (const state of ['changed', 'missing', 'extra'] as const) {
    const count = groups.filter((group) => group.owner === 'ServicePort' && group.state === state).length;
    if (count > 0) parts.push(toned('bad', `${count} ${(count === 1 ? STATES : MANY_STATES)[state]}`));
  }
  if (groups.some(({ owner }) => owner === 'base')) parts.push(toned('bad', 'what all share differs'));
  if (groups.some(({ owner }) => owner === 'unknown')) parts.push(toned('bad', 'more that is not wanted'));
  return parts.join(', ');
}

function counted(servicePorts: number): string {
  return `${servicePorts} ServicePort${servicePorts === 1 ? '' : 's'}`;
}

function nothingThere({ inStep, groups }: FamilyDifference): boolean {
  const servicePorts = groups.filter(({ owner }) => owner === 'ServicePort');
  return inStep === 0 && servicePorts.every(({ state }) => state === 'missing');
}

function groupText({ family }: FamilyDifference, group: GroupDifference): string {
  const title = `${titleOf(group)}, ${FAMILY_NAMES[family]}: ${WORDS[group.state]}`;
  return `${toned('strong', `@@ ${title} @@`)}\n${inPlaces(group.objects)}`;
}

const WORDS = { changed: 'changed', missing: 'missing', extra: 'not wanted' } as const;

function titleOf({ owner, label }: GroupDifference): string {
  if (owner === 'base') return 'what all ServicePorts share';
  return label === '' ? 'of unknown origin' : plain(label);
}

/** Objects of one place follow each other under its name. */
function inPlaces(objects: readonly ObjectDifference[]): string {
  let text = '';
  for (const [place, own] of Map.groupBy(objects, (object) => object.place)) {
    text += `  ${toned('faint', plain(place))}\n`;
    for (const { lines, note } of own) {
      for (const line of lines) text += `${toned(TONES[line.sign], `${line.sign} ${plain(line.text)}`)}\n`;
      if (note !== undefined) text += `  ${toned('doubtful', `(${plain(note)})`)}\n`;
    }
  }
  return text;
}

const TONES: Readonly<Record<DifferenceLine['sign'], Tone>> = { '-': 'bad', '+': 'good', ' ': 'faint' };
