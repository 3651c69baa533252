/** The command line or the configuration file is wrong: one line that says what is, and what it may be. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly code = 'usage';
  /** What the process exits with. */
  readonly exitCode = 2;
}

/** A value that cannot be. `at` is where it stands below the flag or field: empty, or `[1]` in a list. */
export class Refused {
  readonly value: unknown;
  /** What it may be, to follow "must be". */
  readonly allowed: string;
  readonly at: string;

  constructor(value: unknown, allowed: string, at = '') {
    this.value = value;
    this.allowed = allowed;
    this.at = at;
  }
}

/** The line for people. `name` is a flag (`--mode`) or a field (`iptables.masqueradeBit`). */
export function refusalText(name: string, refused: Refused): string {
  const value = JSON.stringify(refused.value) ?? 'nothing';
  return `${name}${refused.at} must be ${refused.allowed}: current value is ${shorten(value)}`;
}

/** Of `names` the one that `name` was probably meant to be, if any is near. */
export function nearest(name: string, names: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bound = Math.floor(name.length / 3) + 1;
  for (const candidate of names) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bound) [best, bound] = [candidate, distance];
  }
  return best;
}

/** Levenshtein: insertions, deletions and replacements of one character. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, character] of [...a].entries()) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      const replaced = (row[j] ?? 0) + (character === b[j] ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

function shorten(text: string): string {
  return text.length > 120 ? `${text.slice(0, 117)}...` : text;
}
