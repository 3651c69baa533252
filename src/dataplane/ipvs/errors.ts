import { DataplaneError, type DataplaneErrorCode } from '../dataplane.ts';
import type { Execution } from '../exec.ts';

/** How ipvsadm, ipset and ip say what is wrong; the first that fits decides. */
const SIGNS: readonly (readonly [RegExp, DataplaneErrorCode])[] = [
  [/Resource temporarily unavailable|No buffer space|Interrupted system call|resource busy/i, 'transient'],
  [/Permission denied|Operation not permitted|must be root/i, 'environment'],
  // ipvsadm
  [/Can't initialize ipvs|Protocol not available|Scheduler or persistence engine not found/i, 'environment'],
  [/(Service|Destination) already exists|No such (service|destination)|Service not defined/i, 'drift'],
  // ipset
  [/Cannot open session to kernel|Kernel and userspace incompatible|Kernel support/i, 'environment'],
  [/The set with the given name does not exist|set with the same name already exists/i, 'drift'],
  // ip
  [/Unknown device type/i, 'environment'],
  [/Cannot find device|Cannot assign requested address|File exists|does not exist/i, 'drift'],
];

/**
 * The error of a tool that did not succeed. ipvsadm goes on after a line that fails, and ends as if all was well: for
 * it, what it says on standard error decides.
 * @param payload what it was given, for the line that it complains about
 */
export function toolError(
  program: string,
  { exitCode, stderr }: Execution,
  payload?: string,
): DataplaneError {
  const said = stderr.trim();
  const code = SIGNS.find(([sign]) => sign.test(said))?.[1] ?? 'refused';
  const line = Number(/line (\d+)|Command failed -:(\d+)/.exec(said)?.slice(1).find(Boolean)) || undefined;
  const reason = said.replace(/\s*\n\s*/g, '; ') || `exit code ${exitCode}`;
  const lines = line === undefined ? undefined : payload?.split('\n');
  const refused = line === undefined ? undefined : lines?.[line - 1];
  return new DataplaneError(code, `${program}: ${reason}${refused === undefined ? '' : `: ${refused}`}`, {
    line,
    refusedLine: refused,
    excerpt: line === undefined ? undefined : lines?.slice(Math.max(0, line - 4), line + 3).join('\n'),
  });
}
