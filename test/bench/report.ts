import {
  type BenchResult,
  CASES,
  type Churn,
  FAIRLEAD,
  type Measurement,
  type SizeResult,
} from './result.ts';
import { percentile, summarize } from './statistics.ts';
import { formatCount, formatRatio, formatTable, formatTime, type Row } from './table.ts';
import { totalCpu } from './usage.ts';

/** The result as text for people: a table of times and one of memory for each size. */
export function formatResult(result: BenchResult): string {
  return [formatMachine(result), ...result.sizes.map((size) => formatSize(size, result))].join('\n');
}

export function formatMachine({ machine, date }: Pick<BenchResult, 'machine' | 'date'>): string {
  const { cpu, cores, memory, kernel, tool, node, load } = machine;
  return [
    `${date}: ${cores} x ${cpu}, ${memory}, Linux ${kernel}`,
    `${tool}, Node ${node}; load when it began: ${load.toFixed(1)}`,
    '',
  ].join('\n');
}

/** One size. Ratios are of p50: to the bare tool that was given the same payload, and to Fairlead. */
export function formatSize(
  size: SizeResult,
  { mode, backend, rate, seconds }: Pick<BenchResult, 'mode' | 'backend' | 'rate' | 'seconds'>,
): string {
  const { services, endpoints, rules, measurements, memory, churn, notes } = size;
  const rows = CASES.flatMap((which): readonly Row[] => {
    const found = measurements.filter((measurement) => measurement.case === which);
    if (found.length === 0) return [];
    const heading = which.replace('steady stream of changes', `${rate} endpoint changes/s for ${seconds} s`);
    const limit = limitOf(measurements, which);
    const ours = p50Of(found.find(({ by }) => by === FAIRLEAD));
    return [{ heading }, ...found.map((measurement) => row(measurement, limit, ours))];
  });
  const header = [
    '',
    'n',
    'p50',
    'p90',
    'p99',
    'max',
    'CPU each',
    'its own',
    'lines',
    'objects',
    'x tool',
    'x fairlead',
  ];
  return [
    `${formatCount(services)} Services x ${endpoints} endpoints, ${describeMode(mode, backend)}, ${formatCount(rules)} rules`,
    '',
    ...(rows.length > 0 ? [formatTable(header, rows)] : []),
    ...(memory.length > 0 ? [formatMemory(memory)] : []),
    ...(churn ? [formatChurn(churn)] : []),
    ...notes.map((note) => `${note}\n`),
  ].join('\n');
}

function formatMemory(memory: SizeResult['memory']): string {
  return formatTable(
    ['memory (RSS, MB)', 'after start', 'after changes', 'peak', 'peak of a child', 'peak of all'],
    memory.map(({ by, afterStart, afterChanges, peak, peakOfChild, peakOfAll }) => {
      const values = [afterStart, afterChanges, peak, peakOfChild, peakOfAll];
      return { cells: [by, ...values.map((mb) => formatCount(Math.round(mb)))] };
    }),
  );
}

/** `iptables mode, nft backend`. */
export function describeMode(mode: string, backend: string): string {
  return mode === 'iptables' ? `${mode} mode, ${backend} backend` : `${mode} mode`;
}

function formatChurn({ by, changes, minutes, resident, atRest, cpu }: Churn): string {
  const mb = (value: number) => formatCount(Math.round(value));
  const { p50, max } = summarize(resident);
  return [
    `${by}, ${formatCount(changes)} changes in ${minutes} min: RSS p50 ${mb(p50)} MB, max ${mb(max)} MB,`,
    `${mb(atRest)} MB when at rest again; CPU ${formatTime(totalCpu(cpu))} a change, ${formatTime(cpu.own)} its own\n`,
  ].join(' ');
}

/** What a stream is made of. */
const SINGLE: Partial<Record<Measurement['case'], Measurement['case']>> = {
  'steady stream of changes': 'one endpoint changed',
  'steady stream of changes of one big Service': 'one of many endpoints of a Service changed',
};

/** p50 of what the others are compared with. A stream of changes is compared with single ones. */
function limitOf(measurements: readonly Measurement[], which: Measurement['case']): number | undefined {
  const single = SINGLE[which] ?? which;
  return p50Of(measurements.find((measurement) => measurement.case === single && measurement.limit));
}

function p50Of(measurement: Measurement | undefined): number | undefined {
  return measurement && percentile(measurement.samples, 50);
}

function row(
  { by, samples, cpu, lines, writes }: Measurement,
  limit: number | undefined,
  ours: number | undefined,
): Row {
  const { n, p50, p90, p99, max } = summarize(samples);
  const optional = (value: number | undefined, format: (value: number) => string) =>
    value === undefined ? '' : format(value);
  const ratioTo = (other: number | undefined) => optional(other, (value) => formatRatio(p50 / value));
  return {
    cells: [
      `  ${by}`,
      String(n),
      formatTime(p50),
      ...(n > 1 ? [p90, p99, max].map(formatTime) : ['', '', '']),
      optional(cpu && totalCpu(cpu), formatTime),
      optional(cpu?.own, formatTime),
      optional(lines, formatCount),
      optional(writes, formatCount),
      ratioTo(limit),
      by === FAIRLEAD ? '' : ratioTo(ours),
    ],
  };
}
