import { keyOfLine } from '../../../rules/nftables/payload.ts';
import { DataplaneError, type DataplaneErrorCode } from '../dataplane.ts';
import { ExecError, type Execution } from '../exec.ts';

/** ENOENT. */
const ABSENT = 'No such file or directory';

/** How nft says what is wrong; the first that fits decides. */
const SIGNS: readonly (readonly [RegExp, DataplaneErrorCode])[] = [
  [
    /Resource temporarily unavailable|Interrupted system call|No buffer space|Cannot allocate memory|Timer expired/i,
    'transient',
  ],
  [/Permission denied|Operation not permitted/i, 'environment'],
  [
    /cache initialization failed|Unable to initialize Netlink socket|Protocol not supported|Address family not supported/i,
    'environment',
  ],
  [/Operation not supported/i, 'environment'],
  [new RegExp(`${ABSENT}|File exists|Device or resource busy`, 'i'), 'drift'],
];

/**
 * The error of nft when it did not succeed.
 * @param payload what it was given, for the line that it complains about
 */
export function nftError({ exitCode, stderr }: Execution, payload?: string): DataplaneError {
  const [first = ''] = /^(?!\s).*\bError: .*$/m.exec(stderr) ?? [];
  const said = (first === '' ? stderr.trim() : first).replace(/\s*\n\s*/g, '; ');
  const code = SIGNS.find(([sign]) => sign.test(said))?.[1] ?? 'refused';
  const reason = said.replace(/^.*?\bError: /, '') || `exit code ${exitCode}`;
  const line = payload === undefined ? undefined : Number(/^\S*?:(\d+):\d+/.exec(said)?.[1]) || undefined;
  const lines = line === undefined ? undefined : payload?.split('\n');
  const refused = line === undefined ? undefined : lines?.[line - 1];
  return new DataplaneError(code, `nft: ${reason}${refused === undefined ? '' : `: ${refused}`}`, {
    line,
    refusedLine: refused,
    refusedKey: refused === undefined ? undefined : keyOfLine(refused),
    excerpt: line === undefined ? undefined : lines?.slice(Math.max(0, line - 4), line + 3).join('\n'),
  });
}

/** Whether the error is that what a command names is not there, and nothing else that `drift` stands for. */
export function isAbsence({ code, message }: DataplaneError): boolean {
  return code === 'drift' && message.includes(ABSENT);
}

/** The error of a program that could not run to its end. */
export function startError(error: unknown): unknown {
  if (!(error instanceof ExecError)) return error;
  const code = error.code === 'missing' || error.code === 'aborted' ? error.code : 'transient';
  return new DataplaneError(code, error.message, { cause: error });
}
