import type { KubeProxyConfiguration } from './settings.ts';

/** What each mode keeps in a section of its own, for the mode in use. */
export interface ModeSettings {
  /** ms. */
  readonly syncPeriod: number;
  /** ms. */
  readonly minSyncPeriod: number;
  readonly masqueradeAll: boolean;
  /** 0 to 31. */
  readonly masqueradeBit: number;
}

/** The settings of the mode in use. ipvs mode masquerades by iptables, and as that section says. */
export function modeSettings(config: KubeProxyConfiguration): ModeSettings {
  const { syncPeriod, minSyncPeriod } = config[config.mode];
  const { masqueradeAll, masqueradeBit } = config[config.mode === 'nftables' ? 'nftables' : 'iptables'];
  return { syncPeriod, minSyncPeriod, masqueradeAll, masqueradeBit };
}
