import { alignedRows, plain, type Tone, toned } from '../output.ts';
import type { Status } from './check.ts';
import { byCause, type Finding } from './examine.ts';
import type { Question } from './facts.ts';
import { targetText } from './target.ts';
import { counted } from './words.ts';

const MARKS: Readonly<
  Record<Status, { readonly utf8: string; readonly ascii: string; readonly tone: Tone }>
> = {
  ok: { utf8: '✓', ascii: '[ok]', tone: 'good' },
  failed: { utf8: '✗', ascii: '[FAIL]', tone: 'bad' },
  warning: { utf8: '!', ascii: '[warn]', tone: 'doubtful' },
  skipped: { utf8: '–', ascii: '[skip]', tone: 'faint' },
};

export interface ReportOptions {
  /** The terminal can show more than ASCII. */
  readonly utf8: boolean;
}

/** What `fairlead doctor` prints for people. */
export function reportText(
  findings: readonly Finding[],
  question: Question,
  { utf8 }: ReportOptions,
): string {
  const { target, settings } = question;
  const headings = {
    cluster: 'Cluster',
    service: `Service ${target ? targetText(target) : ''}`,
    services: 'Services',
    node: `Node ${settings.nodeName}, ${settings.mode} mode`,
  };
  const sections = [...Map.groupBy(findings, ({ about }) => about)].map(([about, own]) => {
    const rows = gathered(own).flatMap((row) => rowsOf(row, utf8));
    return `${toned('strong', headings[about])}\n${alignedRows(rows, '  ')}`;
  });
  return `${sections.join('\n')}\n${summaryText(findings, utf8)}`;
}

function rowsOf({ status, title, evidence, advice }: Row, utf8: boolean): readonly (readonly string[])[] {
  const { tone, ...mark } = MARKS[status];
  const text = shown(evidence, utf8);
  const row = [
    toned(tone, utf8 ? mark.utf8 : mark.ascii),
    title,
    status === 'skipped' ? toned('faint', text) : text,
  ];
  return advice === undefined || advice === ''
    ? [row]
    : [row, ['', '', `${utf8 ? '→' : '->'} ${shown(advice, utf8)}`]];
}

type Row = Pick<Finding, 'status' | 'title' | 'evidence' | 'advice'>;

/** Checks that are skipped for one reason are one row, where they are more than two. */
function gathered(findings: readonly Finding[]): readonly Row[] {
  const rows: Row[] = [];
  const reasons = Map.groupBy(findings, ({ status, evidence }) => (status === 'skipped' ? evidence : ''));
  for (const finding of findings) {
    const alike = finding.status === 'skipped' ? (reasons.get(finding.evidence) ?? []) : [];
    if (alike.length < 3) rows.push(finding);
    else if (alike[0] === finding) rows.push({ ...finding, title: counted(alike.length, 'check') });
  }
  return rows;
}

/** Messages of servers and kubelets may hold anything. */
function shown(text: string, utf8: boolean): string {
  return utf8 ? plain(text) : plain(text).replaceAll(/[^ -~]/gu, '?');
}

/** One line of numbers, and the likeliest cause of it all. */
export function summaryText(findings: readonly Finding[], utf8: boolean): string {
  const count = (status: Status) => findings.filter((finding) => finding.status === status).length;
  const checked = findings.length - count('skipped');
  const aside = [
    ...(count('warning') > 0 ? [counted(count('warning'), 'warning')] : []),
    ...(count('skipped') > 0 ? [`${count('skipped')} skipped`] : []),
  ].join(', ');
  const tail = aside === '' ? '' : ` (${aside})`;
  const wrong = byCause(findings);
  const [cause] = wrong;
  if (!cause) return toned('good', `None of ${counted(checked, 'check')} failed${tail}.\n`);
  const names = wrong.map(({ title }) => title).join(', ');
  const head = `${wrong.length} of ${counted(checked, 'check')} failed${tail}: ${names}.`;
  const advice = cause.advice === undefined ? '' : `\n  ${utf8 ? '→' : '->'} ${shown(cause.advice, utf8)}`;
  const most = wrong.length > 1 ? 'Most probably first: ' : '';
  return `${toned('bad', head)}\n${most}${cause.title}: ${shown(cause.evidence, utf8)}${advice}\n`;
}

/** What `fairlead doctor --output json` prints: see the README of this folder. */
export function reportJson(findings: readonly Finding[], { settings, target }: Question): object {
  const count = (status: Status) => findings.filter((finding) => finding.status === status).length;
  return {
    node: settings.nodeName,
    mode: settings.mode,
    service: target ? targetText(target) : null,
    summary: {
      ok: count('ok'),
      failed: count('failed'),
      warning: count('warning'),
      skipped: count('skipped'),
    },
    probableCause: byCause(findings)[0]?.id ?? null,
    checks: findings,
  };
}

/** Whether the locale is one of UTF-8, as the C library decides it. */
export function isUtf8Locale(env: Readonly<Record<string, string | undefined>>): boolean {
  const locale = [env['LC_ALL'], env['LC_CTYPE'], env['LANG']].find(
    (value) => value !== undefined && value !== '',
  );
  return /utf-?8/i.test(locale ?? '');
}
