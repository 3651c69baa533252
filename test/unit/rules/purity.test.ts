import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../../rules/', import.meta.url));
const files = globSync('**/*.ts', { cwd: ROOT }).sort();

/** Packages that do no I/O, and the one module of Node's that names need. */
const ALLOWED = new Set(['ip-num', 'node:crypto']);

/** What makes the same input give another output, or the program do something. */
const IMPURE = [
  /\bDate\b/,
  /\bMath\s*\.\s*random\b/,
  /\bperformance\b/,
  /\bprocess\b/,
  /\bconsole\b/,
  /\bglobalThis\b/,
  /\bglobal\b/,
  /\bset(Timeout|Interval|Immediate)\b/,
  /\bqueueMicrotask\b/,
  /\bfetch\b/,
  /\brandom(Bytes|UUID|Int|FillSync|Fill)\b/,
  /\bgetRandomValues\b/,
  /\brequire\b/,
  /\bimport\s*\(/,
  /\bimport\.meta\b/,
  /\bawait\b/,
  /\basync\b/,
  /\beval\b/,
  /\bnew\s+Function\b/,
];

/** The code without comments and the contents of strings: words there do nothing. */
function codeOf(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/(^|[^:\\])\/\/.*$/gm, '$1')
    .replace(/'(?:[^'\\\n]|\\.)*'/g, "''")
    .replace(/"(?:[^"\\\n]|\\.)*"/g, '""');
}

function importsOf(text: string): readonly string[] {
  const statements = text.matchAll(/^(?:import|export)\b[^;]*?\bfrom\s+'([^']+)';|^import\s+'([^']+)';/gm);
  return [...statements].map(([, from, bare]) => from ?? bare ?? '');
}

it('there is something to look at', () => {
  expect(files).toContain('iptables/compile.ts');
  expect(importsOf(readFileSync(join(ROOT, 'names.ts'), 'utf8'))).toContain('./hash.ts');
});

describe.each(files)('rules/%s is pure', (file) => {
  const text = readFileSync(join(ROOT, file), 'utf8');

  it('it imports nothing but rules/ and what does no I/O', () => {
    const foreign = importsOf(text).filter((name) => {
      if (!name.startsWith('.')) return !ALLOWED.has(name);
      const path = join(dirname(file), name);
      return path.startsWith('..') || !files.includes(path);
    });
    expect(foreign).toEqual([]);
    // Every way of importing is one that was looked at.
    expect(codeOf(text).match(/\bimport\b/g)?.length ?? 0).toBe(text.match(/^import\b/gm)?.length ?? 0);
  });

  it('it knows no clock, no chance and no process', () => {
    const code = codeOf(text);
    expect(IMPURE.filter((sign) => sign.test(code)).map(String)).toEqual([]);
  });
});
