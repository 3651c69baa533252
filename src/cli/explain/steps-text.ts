import type { Step } from '../../../rules/trace/trace.ts';
import { alignedRows, plain, toned } from '../output.ts';

/** Of a rule people need what it asks for, which is short but for the maps of nftables. */
const CONDITION_LENGTH = 90;

/** Rules that matched, a line each: hook and table, chain, what the rule asks for, what it does. */
export function stepsText(steps: readonly Step[]): string {
  const shown = withoutDeadEnds(steps);
  if (shown.length === 0) return '  no rule matches\n';
  let place = '';
  const rows = shown.map((step) => {
    const at = `${step.hook} ${step.table}`;
    const first = at === place ? '' : at;
    place = at;
    const chain = `${'  '.repeat(step.depth)}${step.chain}`;
    return [plain(first), plain(chain), plain(conditionText(step)), effectText(step)];
  });
  return alignedRows(rows, '  ');
}

/** Leaves out chains that were looked through for nothing, but for those of one Service: that they let go tells. */
function withoutDeadEnds(steps: readonly Step[]): readonly Step[] {
  const shown: Step[] = [];
  for (const step of steps.toReversed()) {
    const next = shown[0];
    const [, chain = ''] = /(?:^|: |, )goes on in (\S+)$/.exec(step.effect) ?? [];
    const isFollowed =
      next?.depth === step.depth + 1 &&
      next.hook === step.hook &&
      next.table === step.table &&
      next.chain === chain;
    if (chain === '' || isFollowed || OF_ONE_SERVICE.test(chain)) shown.unshift(step);
  }
  return shown;
}

const OF_ONE_SERVICE = /^KUBE-(FW|EXT|SVC|SVL|XLB|SEP)-/;

function effectText({ effect, doubt }: Step): string {
  const text = plain(`→ ${effect.replace(/\bgoes on in /, '')}`);
  return doubt === undefined ? text : toned('doubtful', `${text} (not known here: ${plain(doubt)})`);
}

/** What a rule asks for, without what it does and says. */
function conditionText({ rule, table, effect }: Step): string {
  const text = table === 'ipvs' || table.endsWith('kube-proxy') ? rule : withoutTarget(rule, effect);
  if (text === '') return '(all)';
  return text.length > CONDITION_LENGTH ? `${text.slice(0, CONDITION_LENGTH - 1)}…` : text;
}

function withoutTarget(rule: string, effect: string): string {
  const isTargetKnown = effect !== 'taken to do nothing';
  return rule
    .replace(/-m comment --comment (?:"(?:[^"\\]|\\.)*"|\S+) ?/g, '')
    .replace(/-m (?:tcp|udp|sctp) /g, '')
    .replace(/-m recent --set --name \S+ --mask \S+ --rsource ?/, '')
    .replace(/-m statistic --mode random --probability \S+ ?/, '')
    .replace(isTargetKnown ? /-[jg] .*$/ : /$^/, '')
    .trim();
}
