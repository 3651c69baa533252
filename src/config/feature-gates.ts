import type { FeatureGates, Note } from './settings.ts';
import { nearest } from './usage.ts';

/** The gates of kube-proxy 1.36 that concern a Service proxy or how a component logs and watches. */
const KNOWN: ReadonlySet<string> = new Set([
  'AllAlpha',
  'AllBeta',
  'ComponentFlagz',
  'ComponentSLIs',
  'ComponentStatusz',
  'ContextualLogging',
  'InformerResourceVersion',
  'LoadBalancerIPMode',
  'LoggingAlphaOptions',
  'LoggingBetaOptions',
  'MultiCIDRServiceAllocator',
  'NFTablesProxyMode',
  'PreferSameTrafficDistribution',
  'ServiceTrafficDistribution',
  'StrictIPCIDRValidation',
  'TopologyAwareHints',
  'WatchList',
  'WatchListClient',
  'WinDSR',
  'WinOverlay',
]);

/** What to tell about each gate: that it changes nothing, and whether kube-proxy knows it. */
export function featureGateNotes(gates: FeatureGates): Note[] {
  return Object.entries(gates).map(([name, on]) => {
    if (KNOWN.has(name)) {
      return {
        level: 'info',
        message: `feature gate ${name}=${on} has no effect here: what it gates is settled`,
      };
    }
    const meant = nearest(name, KNOWN);
    const hint = meant === undefined ? '' : `, did you mean ${meant}?`;
    return {
      level: 'warn',
      message: `feature gate ${name}=${on} is not known to a Service proxy: ignored${hint}`,
    };
  });
}
