import type { Sysctl } from '../../../src/dataplane/sysctl.ts';

/** Kernel settings in memory. What is not there cannot be written either. */
export class SysctlMap implements Sysctl {
  readonly values: Map<string, string>;
  /** The system's error code for writes to these; `*` for all. */
  readonly refused = new Map<string, string>();
  readonly written: string[] = [];

  constructor(values: Readonly<Record<string, string>>) {
    this.values = new Map(Object.entries(values));
  }

  read(path: string): string | undefined {
    return this.values.get(path);
  }

  write(path: string, value: string): void {
    const code = this.refused.get(path) ?? this.refused.get('*') ?? (this.values.has(path) ? '' : 'ENOENT');
    if (code !== '') throw Object.assign(new Error(`${code}: open '/proc/sys/${path}'`), { code });
    this.values.set(path, value);
    this.written.push(`${path}=${value}`);
  }
}
