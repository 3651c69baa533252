import { describeMode } from './report.ts';
import type { BenchResult, Case } from './result.ts';
import { summarize } from './statistics.ts';

const WIDTH = 800;
const HEIGHT = 420;
const LEFT = 80;
const RIGHT = 330;
const TOP = 50;
const BOTTOM = 50;
const COLOURS = ['#1668b8', '#7f8c8d', '#c0392b', '#d68910', '#7d3c98', '#1e8449'];

interface Line {
  readonly name: string;
  /** Services, and p50 in ms. */
  readonly points: readonly (readonly [number, number])[];
}

/** Draws p50 of a case against the number of Services as SVG, both on logarithmic axes, one line for each program. */
export function plotLatency({ sizes, mode, backend, date }: BenchResult, which: Case): string {
  const lines = linesOf(sizes, which);
  const points = lines.flatMap((line) => line.points);
  const logs = (values: readonly number[]) => values.map(Math.log10);
  const x = scale(logs(points.map(([services]) => services)), LEFT + 20, WIDTH - RIGHT - 20);
  // Whole powers of ten, so that the axis can be labelled.
  const exponents = logs(points.map(([, ms]) => ms));
  const low = Math.floor(Math.min(...exponents));
  const high = Math.max(low + 1, Math.ceil(Math.max(...exponents)));
  const y = scale([low, high], HEIGHT - BOTTOM, TOP);
  const ticks = Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i));
  const services = [...new Set(points.map(([count]) => count))];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<title>${capital(which)}: until the rule is in the kernel (p50), by number of Services</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    text(LEFT, 22, `${capital(which)}: until the rule is in the kernel (p50)`, 'font-size="15"'),
    text(LEFT, 38, `${describeMode(mode, backend)}, ${date}`, 'fill="#666"'),
    ...ticks.map((ms) => horizontal(y(ms), time(ms))),
    ...services.map((count) => {
      const label = count.toLocaleString('en');
      return text(x(count), HEIGHT - BOTTOM + 18, label, 'text-anchor="middle"');
    }),
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, 'Services', 'text-anchor="middle" fill="#666"'),
    ...lines.map((line, i) => curve(line, COLOURS[i % COLOURS.length] ?? 'black', x, y)),
    ...legend(lines, y),
    '</svg>',
    '',
  ].join('\n');
}

function linesOf(sizes: BenchResult['sizes'], which: Case): readonly Line[] {
  const found = new Map<string, (readonly [number, number])[]>();
  for (const { services, measurements } of sizes) {
    for (const measurement of measurements) {
      if (measurement.case !== which) continue;
      const points = found.get(measurement.by) ?? [];
      points.push([services, summarize(measurement.samples).p50]);
      found.set(measurement.by, points);
    }
  }
  return [...found].map(([name, points]) => ({ name, points: points.sort(([a], [b]) => a - b) }));
}

/** Where a value goes on an axis, in pixels. */
type Scale = (value: number) => number;

/** @param exponents of ten, the least of which goes to `from` and the greatest to `to` */
function scale(exponents: readonly number[], from: number, to: number): Scale {
  const low = Math.min(...exponents);
  const span = Math.max(...exponents) - low;
  return (value) =>
    round(span === 0 ? (from + to) / 2 : from + ((Math.log10(value) - low) / span) * (to - from));
}

function curve({ name, points }: Line, colour: string, x: Scale, y: Scale): string {
  const places = points.map(([services, ms]) => `${x(services)},${y(ms)}`);
  const dots = places.map((place) => {
    const [cx, cy] = place.split(',');
    return `<circle cx="${cx}" cy="${cy}" r="3.5" fill="${colour}"/>`;
  });
  return [
    `<g><title>${escapeXml(name)}</title>`,
    `<polyline points="${places.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`,
    ...dots,
    '</g>',
  ].join('');
}

/** Names beside the ends of their lines, pushed apart where they would overlap. */
function legend(lines: readonly Line[], y: Scale): readonly string[] {
  const entries = lines
    .map((line, i) => ({
      line,
      colour: COLOURS[i % COLOURS.length],
      top: y(line.points.at(-1)?.[1] ?? 1),
    }))
    .sort((a, b) => a.top - b.top);
  let free = 0;
  return entries.map(({ line, colour, top }) => {
    const at = Math.max(top + 4, free);
    free = at + 16;
    const value = time(line.points.at(-1)?.[1] ?? 0);
    return text(WIDTH - RIGHT + 12, at, `${value}  ${line.name}`, `fill="${colour}" font-size="11"`);
  });
}

function horizontal(at: number, label: string): string {
  return (
    `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at}" y2="${at}" stroke="#ddd"/>` +
    text(LEFT - 8, at + 4, label, 'text-anchor="end" fill="#666"')
  );
}

function text(x: number, y: number, content: string, attributes = ''): string {
  return `<text x="${x}" y="${y}" ${attributes}>${escapeXml(content)}</text>`;
}

function time(ms: number): string {
  return ms >= 1000 ? `${round(ms / 1000)} s` : `${round(ms)} ms`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function capital(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function escapeXml(content: string): string {
  return content
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
