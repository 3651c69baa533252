import { setTimeout as pause } from 'node:timers/promises';

/**
 * Tries until the condition gives something else than undefined, and gives that.
 *
 * @throws {Error} it never did, within the time.
 */
export async function eventually<T>(
  what: string,
  condition: () => Promise<T | undefined>,
  { timeoutMs = 20_000, pauseMs = 50 } = {},
): Promise<T> {
  const end = performance.now() + timeoutMs;
  while (performance.now() < end) {
    const result = await condition();
    if (result !== undefined) return result;
    await pause(pauseMs);
  }
  throw new Error(`${what}: not within ${timeoutMs} ms`);
}
