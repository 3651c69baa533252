import { useRef, useState } from 'preact/hooks';
import type { FamilyState, SyncRecord } from '../state.ts';
import { clockTime, counted, duration, familyName, quantile } from './format.ts';
import { useWidth } from './scrollable.tsx';

const HEIGHT = 190;
const LEFT = 56;
const RIGHT = 12;
const TOP = 10;
const BOTTOM = 26;
/** ms. */
const RANGES = [
  ['5 min', 300_000],
  ['1 h', 3_600_000],
  ['all', Number.POSITIVE_INFINITY],
] as const;

interface LatencyPlotProps {
  readonly syncs: readonly SyncRecord[];
  readonly families: readonly FamilyState[];
  readonly now: number;
}

/** How long syncs took, over time. */
export function LatencyPlot({ syncs, families, now }: LatencyPlotProps) {
  const [range, setRange] = useState<number>(RANGES[2][1]);
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const shown = syncs.filter(({ at }) => now - at <= range);
  return (
    <section aria-labelledby="latency">
      <div class="heading">
        <h3 id="latency">How long syncs took</h3>
        <fieldset class="choice">
          <legend class="visually-hidden">Time shown</legend>
          {RANGES.map(([label, value]) => (
            <label key={label}>
              <input type="radio" name="range" checked={range === value} onChange={() => setRange(value)} />
              <span>{label}</span>
            </label>
          ))}
        </fieldset>
      </div>
      <div class="plot" ref={box}>
        {width > 0 && <Plot syncs={shown} width={width} now={now} range={range} />}
      </div>
      <p class="legend small">
        {families.length > 1 &&
          families.map(({ family }) => (
            <span key={family} class={`key ${family}`}>
              {familyName(family)}
            </span>
          ))}
        <span class="key">change</span>
        <span class="key full">comparison with the kernel</span>
        <span class="key failed">failed</span>
      </p>
    </section>
  );
}

interface PlotProps {
  readonly syncs: readonly SyncRecord[];
  readonly width: number;
  readonly now: number;
  readonly range: number;
}

function Plot({ syncs, width, now, range }: PlotProps) {
  const from = Number.isFinite(range) ? now - range : Math.min(now - 60_000, syncs[0]?.at ?? now);
  const durations = syncs.map(({ duration: ms }) => Math.max(ms, 0.1));
  const low = Math.floor(Math.log10(Math.min(1, ...durations)));
  const high = Math.max(low + 2, Math.ceil(Math.log10(Math.max(10, ...durations))));
  const x = (at: number) => LEFT + ((at - from) / (now - from)) * (width - LEFT - RIGHT);
  const y = (ms: number) =>
    TOP + ((high - Math.log10(Math.max(ms, 0.1))) / (high - low)) * (HEIGHT - TOP - BOTTOM);
  const powers = Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i));
  return (
    <svg width={width} height={HEIGHT} role="img" aria-label={summary(syncs)}>
      {powers.map((ms) => (
        <g key={ms} class="grid">
          <line x1={LEFT} x2={width - RIGHT} y1={y(ms)} y2={y(ms)} />
          <text x={LEFT - 8} y={y(ms) + 4} text-anchor="end">
            {ms < 1000 ? `${ms} ms` : `${ms / 1000} s`}
          </text>
        </g>
      ))}
      {ticks(from, now, Math.max(2, Math.floor(width / 140))).map((at) => (
        <text key={at} x={x(at)} y={HEIGHT - 6} text-anchor="middle">
          {clockTime(at)}
        </text>
      ))}
      {syncs.map((sync) => (
        <Mark key={sync.id} sync={sync} x={x(sync.at)} y={y(sync.duration)} />
      ))}
    </svg>
  );
}

interface MarkProps {
  readonly sync: SyncRecord;
  readonly x: number;
  readonly y: number;
}

function Mark({ sync, x, y }: MarkProps) {
  const { family, full, failure, at, duration: ms, servicePorts, lines } = sync;
  const what = failure
    ? `failed: ${failure.message}`
    : `${counted(servicePorts.total, 'ServicePort')}, ${counted(lines, 'line')}`;
  const title = <title>{`${clockTime(at)} ${familyName(family)}: ${duration(ms)}, ${what}`}</title>;
  const style = `mark ${failure ? 'failed' : family}`;
  if (failure) {
    return (
      <path class={style} d={`M${x - 4} ${y - 4}l8 8m0 -8l-8 8`}>
        {title}
      </path>
    );
  }
  if (full) {
    return (
      <path class={style} d={`M${x} ${y - 6}l6 6l-6 6l-6 -6z`}>
        {title}
      </path>
    );
  }
  return (
    <circle class={style} cx={x} cy={y} r={4}>
      {title}
    </circle>
  );
}

function summary(syncs: readonly SyncRecord[]): string {
  if (syncs.length === 0) return 'No sync in this time.';
  const durations = syncs.map(({ duration: ms }) => ms);
  return `${counted(syncs.length, 'sync')}, half of them in up to ${duration(quantile(durations, 0.5))}, the longest in ${duration(Math.max(...durations))}. All are in the table of recent changes.`;
}

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];

/** Round times, so many at most. */
function ticks(from: number, to: number, count: number): readonly number[] {
  const step = 1000 * (STEPS.find((seconds) => (to - from) / 1000 / seconds <= count) ?? 604_800);
  const first = Math.ceil((from + 0.04 * (to - from)) / step) * step;
  return Array.from({ length: count + 1 }, (_, i) => first + i * step).filter(
    (at) => at < to - 0.04 * (to - from),
  );
}
