import { readFileSync } from 'node:fs';

/** CPU time of a process and of the children that it has waited for, in ms since its start. */
export interface CpuTime {
  readonly own: number;
  readonly children: number;
}

/** sysconf(_SC_CLK_TCK), which is the same on all Linux. */
const TICKS_PER_SECOND = 100;

/** @throws Error where there is no such process (any more) */
export function cpuTime(pid: number): CpuTime {
  return parseCpuTime(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

/** True where the process would run if others let it, or waits for the kernel to do something for it. */
export function isRunnable(pid: number): boolean {
  try {
    return /^[RD]$/.test(fieldsOf(readFileSync(`/proc/${pid}/stat`, 'utf8'))[0] ?? '');
  } catch {
    // It has ended.
    return false;
  }
}

/** Reads /proc/PID/stat; see proc_pid_stat(5). */
export function parseCpuTime(stat: string): CpuTime {
  const fields = fieldsOf(stat);
  const ms = (field: number) => (Number(fields[field - 3]) * 1000) / TICKS_PER_SECOND;
  return { own: ms(14) + ms(15), children: ms(16) + ms(17) };
}

export function totalCpu({ own, children }: CpuTime): number {
  return own + children;
}

/** What was taken in between, divided by a number of times. */
export function cpuPer(count: number, before: CpuTime, after: CpuTime): CpuTime {
  return {
    own: (after.own - before.own) / count,
    children: (after.children - before.children) / count,
  };
}

/** Resident memory in MB (of 10⁶ bytes). */
export interface Memory {
  readonly now: number;
  readonly peak: number;
}

/** @throws Error where there is no such process (any more) */
export function memory(pid: number): Memory {
  return parseMemory(readFileSync(`/proc/${pid}/status`, 'utf8'));
}

/** Reads /proc/PID/status; see proc_pid_status(5). A process that has just ended has no memory. */
export function parseMemory(status: string): Memory {
  const mb = (field: string) =>
    (Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024) / 1e6;
  return { now: mb('VmRSS'), peak: mb('VmHWM') };
}

/** The processes that a process has started and that still run, at any depth. */
export function descendants(pid: number): readonly number[] {
  return children(pid).flatMap((child) => [child, ...descendants(child)]);
}

function children(pid: number): readonly number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return text.split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** From the third on: the second, the name in parentheses, may have anything in it, parentheses too. */
function fieldsOf(stat: string): readonly string[] {
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}
