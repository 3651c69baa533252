import { reasonOf } from '../../cluster/errors.ts';
import { UsageError } from '../../config/usage.ts';
import { type Check, NotKnown, type Result, skipped, warning } from './check.ts';
import { CAUSES } from './checks.ts';
import type { Facts } from './facts.ts';

/** A check with what it found. */
export interface Finding extends Pick<Check, 'id' | 'title' | 'about'>, Result {}

/** ms after which a check that has no limit of its own is given up. */
const LIMIT_MS = 5_000;
/** The same for reading the whole cluster, on which others wait. */
const CLUSTER_LIMIT_MS = 30_000;

export interface ExamineOptions {
  /** Is told how many checks have not ended yet. */
  readonly progress?: (left: readonly string[]) => void;
}

/**
 * Runs checks side by side: those about the cluster first, as the others need what they have read.
 * What one of them did not foresee is told in its place, and takes nothing from the others.
 * @throws UsageError
 */
export async function examine(
  checks: readonly Check[],
  facts: Facts,
  { progress = () => {} }: ExamineOptions = {},
): Promise<readonly Finding[]> {
  const wanted = checks.filter(({ about }) => about !== (facts.question.target ? 'services' : 'service'));
  const left = new Set(wanted.map(({ title }) => title));
  const findings = new Map<string, Finding>();
  const run = async (check: Check, limit: number): Promise<void> => {
    const { id, title, about } = check;
    const result = await answered(check, facts, limit);
    findings.set(id, { id, title, about, ...result });
    left.delete(title);
    progress([...left]);
  };
  const isFirst = ({ about }: Check): boolean => about === 'cluster';
  await Promise.all(wanted.filter(isFirst).map((check) => run(check, CLUSTER_LIMIT_MS)));
  await Promise.all(
    wanted.filter((check) => !isFirst(check)).map((check) => run(check, check.limitMs ?? LIMIT_MS)),
  );
  return wanted.map(({ id }) => findings.get(id)).filter((finding) => finding !== undefined);
}

async function answered(check: Check, facts: Facts, limitMs: number): Promise<Result> {
  const limit = new AbortController();
  const late = new Promise<Result>((resolve) => {
    const timer = setTimeout(() => {
      const seconds = limitMs / 1000;
      resolve(
        warning(`took longer than ${seconds} s`, 'the node or the API server may be overloaded: try again'),
      );
    }, limitMs);
    limit.signal.addEventListener('abort', () => clearTimeout(timer));
  });
  try {
    const work = async (): Promise<Result> => {
      if (check.about === 'node' || check.onNode) await facts.onNode();
      return await check.run(facts);
    };
    return await Promise.race([work(), late]);
  } catch (error) {
    if (error instanceof NotKnown) return skipped(error.message);
    if (error instanceof UsageError) throw error;
    return warning(
      `could not be looked at: ${reasonOf(error)}`,
      'fairlead does not foresee this: please report it',
    );
  } finally {
    limit.abort();
  }
}

/** Those that failed, the likeliest cause first. */
export function byCause(findings: readonly Finding[]): readonly Finding[] {
  const rank = ({ id }: Finding): number => {
    const place = CAUSES.indexOf(id);
    return place < 0 ? CAUSES.length : place;
  };
  return findings.filter(({ status }) => status === 'failed').toSorted((a, b) => rank(a) - rank(b));
}
