import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ensureSysctl, ensureSysctlAtLeast, systemSysctl } from '../../../src/dataplane/sysctl.ts';
import { SysctlMap } from './sysctl-map.ts';

const PATH = 'net/netfilter/nf_conntrack_max';

describe('ensureSysctl', () => {
  it('writes what is different', () => {
    const sysctl = new SysctlMap({ [PATH]: '5' });
    expect(ensureSysctl(sysctl, PATH, '6')).toBe('set');
    expect(sysctl.read(PATH)).toBe('6');
  });

  it('needs no right to write where the value is there', () => {
    const sysctl = new SysctlMap({ [PATH]: '5' });
    sysctl.refused.set('*', 'EROFS');
    expect(ensureSysctl(sysctl, PATH, '5')).toBe('unchanged');
  });

  it.each([
    ['EROFS', 'its file system is read-only'],
    ['EPERM', 'this process lacks the right'],
    ['EACCES', 'this process lacks the right, or it can be set only in the network namespace of the machine'],
    ['EINVAL', 'the kernel refuses this value'],
    ['EIO', "EIO: open '/proc/sys/net/netfilter/nf_conntrack_max'"],
  ])('explains %s in one line', (code, why) => {
    const sysctl = new SysctlMap({ [PATH]: '5' });
    sysctl.refused.set(PATH, code);
    const failed = `${PATH} could not be set to 6 and stays 5: ${why}`;
    expect(ensureSysctl(sysctl, PATH, '6')).toEqual({ failed });
  });

  it('explains that the kernel has no such setting', () => {
    const failed = `${PATH} could not be set to 6: this kernel has no such setting, or its module is not loaded`;
    expect(ensureSysctl(new SysctlMap({}), PATH, '6')).toEqual({ failed });
  });
});

describe('ensureSysctlAtLeast', () => {
  it.each([
    ['5', 'set', '6'],
    ['6', 'unchanged', '6'],
    ['700000', 'unchanged', '700000'],
  ])('6 where it is %s: %s', (before, outcome, after) => {
    const sysctl = new SysctlMap({ [PATH]: before });
    expect(ensureSysctlAtLeast(sysctl, PATH, 6)).toBe(outcome);
    expect(sysctl.read(PATH)).toBe(after);
  });
});

describe('systemSysctl', () => {
  it('reads under /proc/sys, and knows what is not there', () => {
    expect(systemSysctl.read('kernel/ostype')).toBe('Linux');
    expect(systemSysctl.read('kernel/no_such_setting')).toBeUndefined();
  });

  it('reads and writes whole paths', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fairlead-sysctl-'));
    const path = join(folder, 'hashsize');
    try {
      await writeFile(path, '16\n');
      expect(systemSysctl.read(path)).toBe('16');
      systemSysctl.write(path, '32');
      expect(await readFile(path, 'utf8')).toBe('32');
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
