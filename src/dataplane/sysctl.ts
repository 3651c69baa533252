import { readFileSync, writeFileSync } from 'node:fs';

/**
 * Kernel settings by their path under /proc/sys (`net/ipv4/conf/all/route_localnet`), or by a whole path that begins
 * with a slash for those that are elsewhere.
 */
export interface Sysctl {
  /** undefined where this kernel has no such setting. */
  read(path: string): string | undefined;
  /** @throws Error where it cannot be written: the file system is read-only, or the right is missing. */
  write(path: string, value: string): void;
}

export const systemSysctl: Sysctl = {
  read(path) {
    try {
      return readFileSync(fileOf(path), 'utf8').trim();
    } catch {
      return undefined;
    }
  },
  write(path, value) {
    writeFileSync(fileOf(path), value);
  },
};

/** What became of a wish for a kernel setting. A failure is for a log line: nothing else depends on it. */
export type SysctlOutcome = 'unchanged' | 'set' | { readonly failed: string };

/** Writes only what is different, so that a read-only /proc/sys with the right values will do. */
export function ensureSysctl(sysctl: Sysctl, path: string, value: string): SysctlOutcome {
  const before = sysctl.read(path);
  if (before === value) return 'unchanged';
  try {
    sysctl.write(path, value);
    return 'set';
  } catch (error) {
    const stays = before === undefined ? '' : ` and stays ${before}`;
    return { failed: `${path} could not be set to ${value}${stays}: ${reason(path, error)}` };
  }
}

/** As `ensureSysctl`, but a number that is higher already stays. */
export function ensureSysctlAtLeast(sysctl: Sysctl, path: string, value: number): SysctlOutcome {
  const before = Number(sysctl.read(path) ?? Number.NaN);
  return before >= value ? 'unchanged' : ensureSysctl(sysctl, path, String(value));
}

const REASONS: Readonly<Record<string, string>> = {
  EROFS: 'its file system is read-only',
  EACCES: 'this process lacks the right',
  EPERM: 'this process lacks the right',
  EOPNOTSUPP: 'it can be set only in the network namespace of the machine',
  EINVAL: 'the kernel refuses this value',
  ENOENT: 'this kernel has no such setting, or its module is not loaded',
};

function reason(path: string, error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  // Some network settings exist in every network namespace, but can be written in the first one only.
  if (code === 'EACCES' && path.startsWith('net/')) return `${REASONS[code]}, or ${REASONS['EOPNOTSUPP']}`;
  return REASONS[code] ?? String(error instanceof Error ? error.message : error);
}

function fileOf(path: string): string {
  return path.startsWith('/') ? path : `/proc/sys/${path}`;
}
