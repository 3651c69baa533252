import { DataplaneError, type DataplaneErrorCode } from '../dataplane.ts';
import { ExecError, type Execution } from '../exec.ts';

/** How iptables-restore says what is wrong, by version and backend; the first that fits decides. */
const SIGNS: readonly (readonly [RegExp, DataplaneErrorCode])[] = [
  // Exit code 4 of both backends: "Resource problem", see iptables/xshared.h.
  [
    /holding the xtables lock|Resource temporarily unavailable|No buffer space|Interrupted system call|Cannot allocate memory/i,
    'transient',
  ],
  [
    /Table does not exist|can't initialize i[ptables6]+ table|Protocol not supported|Address family not supported/i,
    'environment',
  ],
  [/Permission denied|Operation not permitted/i, 'environment'],
  [
    /Couldn't load (match|target)|unknown option|Extension .* (not supported|missing kernel module)/i,
    'environment',
  ],
  [/does a matching rule exist|No chain\/target\/match by that name|No such file or directory/i, 'drift'],
  // What iptables-nft says of a chain that is not there, when asked for its rules.
  [/chain `\S+' in table `\w+' is incompatible/, 'drift'],
  [/Chain already exists|File exists|Device or resource busy|Directory not empty|Too many links/i, 'drift'],
];

/** The nft backend ends with 4 as well where the kernel refuses a line, for which the line itself is to blame. */
const REFUSED_LINE = /line \d+: [A-Z_]+ failed \(/;

/**
 * The error of an iptables program that did not succeed.
 * @param payload what it was given, for the line that it complains about
 */
export function iptablesError(
  program: string,
  { exitCode, stderr }: Execution,
  payload?: string,
): DataplaneError {
  const said = stderr.replace(/\s*Try `[^\n]*\n?/g, '').trim();
  const found = SIGNS.find(([sign]) => sign.test(said))?.[1];
  const code = found ?? (exitCode === 4 && !REFUSED_LINE.test(said) ? 'transient' : 'refused');
  const line = Number(/line:? (\d+)/.exec(said)?.[1]) || undefined;
  const reason = said.replace(/\s*\n\s*/g, '; ') || `exit code ${exitCode}`;
  const lines = line === undefined ? undefined : payload?.split('\n');
  const refused = line === undefined ? undefined : lines?.[line - 1];
  return new DataplaneError(code, `${program}: ${reason}${refused === undefined ? '' : `: ${refused}`}`, {
    line,
    refusedLine: refused,
    excerpt: line === undefined ? undefined : lines?.slice(Math.max(0, line - 4), line + 3).join('\n'),
  });
}

/** The error of a program that could not run to its end. */
export function startError(error: unknown): unknown {
  if (!(error instanceof ExecError)) return error;
  const code = error.code === 'missing' || error.code === 'aborted' ? error.code : 'transient';
  return new DataplaneError(code, error.message, { cause: error });
}
