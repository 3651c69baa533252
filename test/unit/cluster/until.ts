import { setTimeout as sleep } from 'node:timers/promises';

/** Waits for a condition. @throws Error after 4 s, saying what did not happen */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 4_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`this did not happen within 4 s: ${what}`);
    await sleep(2);
  }
}
