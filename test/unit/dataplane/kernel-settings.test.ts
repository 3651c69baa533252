import { describe, expect, it } from 'vitest';
import type { Conntrack } from '../../../src/config/settings.ts';
import { applyKernelSettings, conntrackSettings } from '../../../src/dataplane/kernel-settings.ts';
import { SysctlMap } from './sysctl-map.ts';

/** kube-proxy's. */
const DEFAULTS: Conntrack = {
  maxPerCore: 32_768,
  min: 131_072,
  tcpEstablishedTimeout: 86_400_000,
  tcpCloseWaitTimeout: 3_600_000,
  tcpBeLiberal: false,
  udpTimeout: 0,
  udpStreamTimeout: 0,
};
const NOTHING: Conntrack = { ...DEFAULTS, maxPerCore: 0, tcpEstablishedTimeout: 0, tcpCloseWaitTimeout: 0 };
const MAX = 'net/netfilter/nf_conntrack_max';
const HASHSIZE = '/sys/module/nf_conntrack/parameters/hashsize';
const OOM = '/proc/self/oom_score_adj';
const KERNEL = {
  [MAX]: '65536',
  [HASHSIZE]: '16384',
  'net/netfilter/nf_conntrack_tcp_timeout_established': '432000',
  'net/netfilter/nf_conntrack_tcp_timeout_close_wait': '60',
  'net/netfilter/nf_conntrack_tcp_be_liberal': '0',
  'net/netfilter/nf_conntrack_udp_timeout': '30',
  'net/netfilter/nf_conntrack_udp_timeout_stream': '120',
  [OOM]: '0',
};

describe('conntrackSettings', () => {
  const text = (conntrack: Conntrack, cpus: number) =>
    conntrackSettings(conntrack, cpus).map(
      ({ path, value, atLeast }) => `${path.replace(/^.*\//, '')} ${atLeast ? '>=' : '='} ${value}`,
    );

  it("has kube-proxy's defaults", () => {
    expect(text(DEFAULTS, 8)).toEqual([
      'nf_conntrack_max >= 262144',
      'hashsize >= 65536',
      'nf_conntrack_tcp_timeout_established = 86400',
      'nf_conntrack_tcp_timeout_close_wait = 3600',
    ]);
  });

  it.each([
    [1, 32_768, 131_072, 131_072],
    [8, 32_768, 131_072, 262_144],
    [32, 32_768, 131_072, 1_048_576],
    [128, 32_768, 131_072, 1_048_576],
    [128, 32_768, 2_000_000, 1_048_576],
    [8, 32_768, 2_000_000, 2_000_000],
    [8, 1, 0, 8],
  ])('on %i CPUs with maxPerCore %i and min %i allows %i connections', (cpus, maxPerCore, min, max) => {
    const settings = conntrackSettings({ ...DEFAULTS, maxPerCore, min }, cpus);
    expect(settings[0]).toEqual({ path: MAX, value: max, atLeast: true });
    expect(settings[1]).toEqual({ path: HASHSIZE, value: Math.floor(max / 4), atLeast: true });
  });

  it('leaves to the kernel what is 0', () => {
    expect(text(NOTHING, 8)).toEqual([]);
  });

  it('sets what else is asked for, in whole seconds', () => {
    const asked = { ...NOTHING, tcpBeLiberal: true, udpTimeout: 45_900, udpStreamTimeout: 500 };
    expect(text(asked, 8)).toEqual([
      'nf_conntrack_tcp_be_liberal = 1',
      'nf_conntrack_udp_timeout = 45',
      'nf_conntrack_udp_timeout_stream = 1',
    ]);
  });
});

describe('applyKernelSettings', () => {
  const apply = async (sysctl: SysctlMap, conntrack = DEFAULTS, loadConntrack = () => Promise.resolve()) => {
    const log: string[] = [];
    const logger = (level: string) => (fields: object, message: string) =>
      void log.push(
        `${level} ${message}${Object.keys(fields).length > 0 ? ` ${JSON.stringify(fields)}` : ''}`,
      );
    const complete = await applyKernelSettings({
      conntrack,
      oomScoreAdj: -999,
      cpus: 4,
      sysctl,
      logger: { debug: logger('debug'), info: logger('info'), warn: logger('warn') },
      loadConntrack,
    });
    return { complete, log };
  };

  it('writes what is different, and says what in one line', async () => {
    const sysctl = new SysctlMap(KERNEL);
    const { complete, log } = await apply(sysctl);
    expect(complete).toBe(true);
    expect(sysctl.written).toEqual([
      `${MAX}=131072`,
      `${HASHSIZE}=32768`,
      'net/netfilter/nf_conntrack_tcp_timeout_established=86400',
      'net/netfilter/nf_conntrack_tcp_timeout_close_wait=3600',
      `${OOM}=-999`,
    ]);
    expect(log).toHaveLength(1);
    expect(log[0]).toContain('kernel settings written');
  });

  it('writes nothing the second time', async () => {
    const sysctl = new SysctlMap(KERNEL);
    await apply(sysctl);
    sysctl.refused.set('*', 'EROFS');
    expect(await apply(sysctl)).toEqual({ complete: true, log: [] });
  });

  it.each(['1000000', '0'])('never lowers the limit of connections (%s)', async (limit) => {
    const sysctl = new SysctlMap({ ...KERNEL, [MAX]: limit });
    await apply(sysctl);
    expect(sysctl.read(MAX)).toBe(limit);
  });

  it('survives a read-only /proc/sys, with a line for each setting', async () => {
    const sysctl = new SysctlMap(KERNEL);
    sysctl.refused.set('*', 'EROFS');
    const { complete, log } = await apply(sysctl);
    expect(complete).toBe(false);
    expect(log).toHaveLength(5);
    expect(log[0]).toBe(
      `warn kernel setting ${MAX} could not be set to 131072 and stays 65536: its file system is read-only`,
    );
  });

  it('goes on after one that fails', async () => {
    const sysctl = new SysctlMap(KERNEL);
    sysctl.refused.set(HASHSIZE, 'EOPNOTSUPP');
    const { complete, log } = await apply(sysctl);
    expect(complete).toBe(false);
    expect(log.filter((line) => line.startsWith('warn'))).toEqual([
      `warn kernel setting ${HASHSIZE} could not be set to 32768 and stays 16384: ` +
        'it can be set only in the network namespace of the machine',
    ]);
    expect(sysctl.written).toHaveLength(4);
  });

  it('has connection tracking loaded where the kernel has not done so', async () => {
    const sysctl = new SysctlMap({ [OOM]: '0' });
    const load = () => {
      for (const [path, value] of Object.entries(KERNEL)) sysctl.values.set(path, value);
      return Promise.resolve();
    };
    expect((await apply(sysctl, DEFAULTS, load)).complete).toBe(true);
    expect(sysctl.read(MAX)).toBe('131072');
  });

  it('survives a kernel that cannot track connections', async () => {
    const failing = () => Promise.reject(new Error('conntrack: not found in PATH'));
    const { complete, log } = await apply(new SysctlMap({ [OOM]: '0' }), DEFAULTS, failing);
    expect(complete).toBe(false);
    expect(log[1]).toBe(
      `warn kernel setting ${MAX} could not be set to 131072: ` +
        'this kernel has no such setting, or its module is not loaded',
    );
  });

  it('touches nothing where it is told to leave everything', async () => {
    const sysctl = new SysctlMap({ ...KERNEL, [OOM]: '-999' });
    expect(await apply(sysctl, NOTHING)).toEqual({ complete: true, log: [] });
    expect(sysctl.written).toEqual([]);
  });
});
