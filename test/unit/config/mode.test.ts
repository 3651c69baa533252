import { expect, test } from 'vitest';
import { flagValues } from '../../../src/config/flag-values.ts';
import { modeSettings } from '../../../src/config/mode.ts';
import { settled } from './settled.ts';

const YAML = `
iptables: {syncPeriod: 11s, minSyncPeriod: 1s, masqueradeBit: 1, masqueradeAll: true}
ipvs: {syncPeriod: 12s, minSyncPeriod: 2s}
nftables: {syncPeriod: 13s, minSyncPeriod: 3s, masqueradeBit: 3}`;

test.each([
  ['iptables', { syncPeriod: 11_000, minSyncPeriod: 1_000, masqueradeBit: 1, masqueradeAll: true }],
  ['ipvs', { syncPeriod: 12_000, minSyncPeriod: 2_000, masqueradeBit: 1, masqueradeAll: true }],
  ['nftables', { syncPeriod: 13_000, minSyncPeriod: 3_000, masqueradeBit: 3, masqueradeAll: false }],
])('%s mode has the settings of its sections', (mode, expected) => {
  expect(modeSettings(settled([`--mode=${mode}`], YAML).settings.config)).toEqual(expected);
});

test('the flags are shown with the values in use, wherever they come from', () => {
  const { settings } = settled(
    ['--dry-run', '--from=a', '--from=b', '--feature-gates=A=true'],
    'clusterCIDR: 10.0.0.0/8',
  );
  const shown = Object.fromEntries(flagValues(settings).map(({ name, value }) => [name, value]));
  expect(shown).toMatchObject({
    'dry-run': 'true',
    from: 'a,b',
    'feature-gates': 'A=true',
    'cluster-cidr': '10.0.0.0/8',
    'iptables-sync-period': '30s',
    'ip-family': '',
    v: '0',
  });
  expect(flagValues(settings).map(({ name }) => name)).toEqual(Object.keys(shown).sort());
});
