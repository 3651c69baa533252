import { readFileSync, writeFileSync } from 'node:fs';

/** Kernel settings under /proc/sys, by their path there: `net/ipv4/conf/all/route_localnet`. */
export interface Sysctl {
  /** undefined where this kernel has no such setting. */
  read(path: string): string | undefined;
  /** @throws Error where it cannot be written: the file system is read-only, or the right is missing. */
  write(path: string, value: string): void;
}

export const systemSysctl: Sysctl = {
  read(path) {
    try {
      return readFileSync(`/proc/sys/${path}`, 'utf8').trim();
    } catch {
      return undefined;
    }
  },
  write(path, value) {
    writeFileSync(`/proc/sys/${path}`, value);
  },
};

/** What became of a wish for a kernel setting. A failure is for a log line: nothing else depends on it. */
export type SysctlOutcome = 'unchanged' | 'set' | { readonly failed: string };

/** Writes only what is different, so that a read-only /proc/sys with the right values will do. */
export function ensureSysctl(sysctl: Sysctl, path: string, value: string): SysctlOutcome {
  if (sysctl.read(path) === value) return 'unchanged';
  try {
    sysctl.write(path, value);
    return 'set';
  } catch (error) {
    return { failed: `${path} could not be set to ${value}: ${(error as Error).message}` };
  }
}
