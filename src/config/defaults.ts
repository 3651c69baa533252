import type { Address } from '../../rules/model.ts';
import { hostPortText } from './network-kinds.ts';
import type { Outside } from './outside.ts';
import { HEALTHZ_PORT, METRICS_PORT } from './schema.ts';
import type { KubeProxyConfiguration } from './settings.ts';

/**
 * The configuration with the defaults that depend on other values. `given` has the paths that are set, and keep
 * what they have.
 */
export function withDependentDefaults(
  config: KubeProxyConfiguration,
  outside: Outside,
  given: ReadonlySet<string>,
): KubeProxyConfiguration {
  const ipv6 = config.bindAddress.includes(':');
  const server = (
    field: 'healthzBindAddress' | 'metricsBindAddress',
    anywhere: string,
    standard: number,
    port = standard,
  ) => {
    if (port === 0) return '';
    return given.has(field) ? config[field] : hostPortText(anywhere as Address, port);
  };
  // kube-proxy's own: from a file the minimum for ipvs is 0, from flags alone it is what iptables has.
  const minSyncPeriod =
    given.has('ipvs.minSyncPeriod') || outside.configFile !== '' ? config.ipvs.minSyncPeriod : 1_000;
  const nodePortAddresses =
    config.mode === 'nftables' && config.nodePortAddresses.length === 0
      ? (['primary'] as const)
      : config.nodePortAddresses;
  return {
    ...config,
    healthzBindAddress: server(
      'healthzBindAddress',
      ipv6 ? '::' : '0.0.0.0',
      HEALTHZ_PORT,
      outside.healthzPort,
    ),
    metricsBindAddress: server(
      'metricsBindAddress',
      ipv6 ? '::1' : '127.0.0.1',
      METRICS_PORT,
      outside.metricsPort,
    ),
    ipvs: { ...config.ipvs, minSyncPeriod },
    nodePortAddresses,
  };
}
