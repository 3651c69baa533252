import { useRef, useState } from 'preact/hooks';
import { clockTime, counted, duration, familyName, quantile } from './format.js';
import { useWidth } from './scrollable.jsx';

/** @import { FamilyState, SyncRecord } from '../state.ts' */

const HEIGHT = 190;
const LEFT = 56;
const RIGHT = 12;
const TOP = 10;
const BOTTOM = 26;
/** ms. */
const RANGES = /** @type {const} */ ([
  ['5 min', 300_000],
  ['1 h', 3_600_000],
  ['all', Number.POSITIVE_INFINITY],
]);

/**
 * How long syncs took, over time.
 * @param {{ syncs: readonly SyncRecord[], families: readonly FamilyState[], now: number }} props
 */
export function LatencyPlot({ syncs, families, now }) {
  const [range, setRange] = useState(/** @type {number} */ (RANGES[2][1]));
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
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
        <span class="key change">change</span>
        <span class="key full">comparison with the kernel</span>
        <span class="key failed">failed</span>
      </p>
    </section>
  );
}

/** @param {{ syncs: readonly SyncRecord[], width: number, now: number, range: number }} props */
function Plot({ syncs, width, now, range }) {
  const from = Number.isFinite(range) ? now - range : Math.min(now - 60_000, syncs[0]?.at ?? now);
  const durations = syncs.map(({ duration: ms }) => Math.max(ms, 0.1));
  const low = Math.floor(Math.log10(Math.min(1, ...durations)));
  const high = Math.max(low + 2, Math.ceil(Math.log10(Math.max(10, ...durations))));
  const x = (/** @type {number} */ at) => LEFT + ((at - from) / (now - from)) * (width - LEFT - RIGHT);
  const y = (/** @type {number} */ ms) =>
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
        <text key={at} class="tick" x={x(at)} y={HEIGHT - 6} text-anchor="middle">
          {clockTime(at)}
        </text>
      ))}
      {syncs.map((sync) => (
        <Mark key={sync.id} sync={sync} x={x(sync.at)} y={y(sync.duration)} />
      ))}
    </svg>
  );
}

/** @param {{ sync: SyncRecord, x: number, y: number }} props */
function Mark({ sync, x, y }) {
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

/** @param {readonly SyncRecord[]} syncs */
function summary(syncs) {
  if (syncs.length === 0) return 'No sync in this time.';
  const durations = syncs.map(({ duration: ms }) => ms);
  return `${counted(syncs.length, 'sync')}, half of them in up to ${duration(quantile(durations, 0.5))}, the longest in ${duration(Math.max(...durations))}. All are in the table of recent changes.`;
}

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];

/**
 * Round times, so many at most.
 * @param {number} from
 * @param {number} to
 * @param {number} count
 */
function ticks(from, to, count) {
  const step = 1000 * (STEPS.find((seconds) => (to - from) / 1000 / seconds <= count) ?? 604_800);
  const first = Math.ceil((from + 0.04 * (to - from)) / step) * step;
  return Array.from({ length: count + 1 }, (_, i) => first + i * step).filter(
    (at) => at < to - 0.04 * (to - from),
  );
}
