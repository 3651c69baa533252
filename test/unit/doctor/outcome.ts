import { expect } from 'vitest';
import { NotKnown, type Result } from '../../../src/cli/doctor/check.ts';

/** A row of a table: what it is about, how the result comes to be, and what it must be. */
export type Case = readonly [
  what: string,
  result: () => Result,
  status: Result['status'],
  evidence: string | RegExp,
];

/** Expects a result, or for `skipped` the reason why there is none; what is wrong must come with advice. */
export function expectResult(
  _: string,
  result: () => Result,
  status: Result['status'],
  evidence: string | RegExp,
): void {
  const found = outcomeOf(result);
  expect(found.status).toBe(status);
  if (typeof evidence === 'string') expect(found.evidence).toBe(evidence);
  else expect(found.evidence).toMatch(evidence);
  if (status === 'failed' || status === 'warning') expect(found.advice).toMatch(/\S/);
  else expect(found.advice).toBeUndefined();
}

function outcomeOf(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (error instanceof NotKnown) return { status: 'skipped', evidence: error.message };
    throw error;
  }
}
