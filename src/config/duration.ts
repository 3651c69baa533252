/** ms in each unit that Go knows. */
const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3, // U+00B5, micro sign
  μs: 1e-3, // U+03BC, Greek letter mu
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

/** Go keeps a duration as nanoseconds in 63 bits: some 292 years. */
const LONGEST = 2 ** 63 / 1e6;

/**
 * A duration as Go's time.ParseDuration reads it ("1h2m3s", "1.5s", "250ms", "0"), in ms, or undefined where the
 * text is none. Negative ones are durations too.
 */
export function parseDuration(text: string): number | undefined {
  const [, sign, amount] = /^([+-]?)(.+)$/.exec(text) ?? [];
  if (amount === undefined) return undefined;
  if (amount === '0') return 0;
  if (!/^((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))+$/.test(amount)) return undefined;
  let ms = 0;
  for (const [, number, unit] of amount.matchAll(/([\d.]+)([^\d.]+)/g)) {
    ms += Number(number) * (UNITS[unit ?? ''] ?? 0);
  }
  if (ms >= LONGEST) return undefined;
  return sign === '-' && ms !== 0 ? -ms : ms;
}

/** The way Go prints it: "1h2m3s", "15m0s", "1.5s", "250ms", "0s". `ms` is not negative. */
export function durationText(ms: number): string {
  if (ms === 0) return '0s';
  const nanoseconds = Math.round(ms * 1e6);
  if (nanoseconds < 1e3) return `${nanoseconds}ns`;
  if (nanoseconds < 1e6) return `${nanoseconds / 1e3}µs`;
  if (nanoseconds < 1e9) return `${nanoseconds / 1e6}ms`;
  const seconds = Math.floor(ms / 1e3);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  // Taken apart from the whole minutes, so that the fraction keeps its digits.
  const rest = Number(((ms - (hours * 60 + minutes) * 60_000) / 1e3).toFixed(9));
  if (hours > 0) return `${hours}h${minutes}m${rest}s`;
  return minutes > 0 ? `${minutes}m${rest}s` : `${rest}s`;
}
