/** `FUZZ_FACTOR=20 npx vitest run test/fuzz` looks harder. */
const FACTOR = Number(process.env['FUZZ_FACTOR'] ?? 1);

/** ms for one property: sync ones cannot be cut short, and a busy machine takes its time. */
export const PROPERTY_TIMEOUT_MS = 120_000 * FACTOR;

/** How often a property is tried. */
export function runs(usually: number): number {
  return usually * FACTOR;
}
