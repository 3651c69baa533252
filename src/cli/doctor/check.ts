import type { Facts } from './facts.ts';

/**
 * - `ok`: as it should be
 * - `failed`: traffic is lost, or will be
 * - `warning`: may be wanted, or is about to fail
 * - `skipped`: could not be looked at, or has no meaning here; the evidence says why
 */
export type Status = 'ok' | 'failed' | 'warning' | 'skipped';

/** What a check found. */
export interface Result {
  readonly status: Status;
  /** One line: what was seen, or for a skipped check why nothing was. */
  readonly evidence: string;
  /** What to do next, a command where there is one. Only with `failed` and `warning`. */
  readonly advice?: string;
}

/** One question, with the way to its answer. */
export interface Check {
  /** Stable: programs and people name checks by it. */
  readonly id: string;
  /** What it looks at, in two or three words. */
  readonly title: string;
  /** `service` is asked where a Service is named, `services` where none is. */
  readonly about: 'cluster' | 'service' | 'services' | 'node';
  /** It looks at the machine. Those about the node do anyway. */
  readonly onNode?: true;
  /** ms after which it is given up. @default 5000 */
  readonly limitMs?: number;
  /** @throws NotKnown where facts cannot be had: the check is skipped */
  run(facts: Facts): Result | Promise<Result>;
}

/** Something cannot be found out; the message says why, to follow "skipped: ". */
export class NotKnown extends Error {
  override readonly name = 'NotKnown';
}

/** A tool is there, and would have told somebody with more rights. */
export class NotAllowed extends NotKnown {}

export function ok(evidence: string): Result {
  return { status: 'ok', evidence };
}

export function failed(evidence: string, advice: string): Result {
  return { status: 'failed', evidence, advice };
}

export function warning(evidence: string, advice: string): Result {
  return { status: 'warning', evidence, advice };
}

export function skipped(why: string): Result {
  return { status: 'skipped', evidence: why };
}
