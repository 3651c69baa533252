import { linesOf, parseKey } from './objects.ts';

/**
 * Whether the kernel's text of an object is as good as the desired one. Comments of chains, sets and maps cannot be
 * changed without taking them down, which they are not worth.
 */
export function isSameText(key: string, desired: string, actual: string): boolean {
  if (desired === actual) return true;
  if (parseKey(key).kind === 'element') return false;
  return withoutComment(desired) === withoutComment(actual);
}

export interface ChainBody {
  /** The hook of a base chain, as nft prints it; undefined for other chains. */
  readonly hook: string | undefined;
  readonly comment: string | undefined;
  readonly rules: readonly string[];
}

/** Takes the text of a chain object apart. */
export function chainBody(text: string): ChainBody {
  const lines = linesOf(text);
  return {
    hook: lines.find(isHook),
    comment: lines.find(isComment),
    rules: lines.filter((line) => !isHook(line) && !isComment(line)),
  };
}

function withoutComment(text: string): string {
  return linesOf(text)
    .filter((line) => !isComment(line))
    .join('\n');
}

function isHook(line: string): boolean {
  return line.startsWith('type ') && line.includes(' hook ');
}

function isComment(line: string): boolean {
  return line.startsWith('comment "');
}
