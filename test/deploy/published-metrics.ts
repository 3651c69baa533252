import { FAMILIES } from '../../rules/model.ts';
import { systemClock } from '../../src/cluster/clock.ts';
import type { Mode } from '../../src/config/settings.ts';
import { Metrics } from '../../src/metrics/metrics.ts';

const MODES: readonly Mode[] = ['iptables', 'ipvs', 'nftables'];

/** Every series name that Fairlead publishes, in any mode, with its labels. */
export async function publishedMetrics(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const texts = await Promise.all(MODES.map((mode) => busyMetrics(mode).text()));
  const found = new Map<string, Set<string>>();
  for (const line of texts.join('\n').split('\n')) {
    const [, name, labels = ''] = /^(\w+)(?:\{(.*)\})? \S+$/.exec(line) ?? [];
    if (name === undefined) continue;
    const known = found.get(name) ?? new Set();
    found.set(name, known);
    for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) known.add(label);
  }
  return found;
}

/** Metrics of a proxy to which everything that they tell of has happened. */
function busyMetrics(mode: Mode): Metrics {
  const metrics = new Metrics({
    mode,
    families: FAMILIES,
    clock: systemClock,
    version: '0.0.0',
    nfacct: async () => new Map(['ct_state_invalid_dropped_pkts', 'localhost_nps_accepted_pkts'].map(one)),
    rulesInLedger: () => ({ filter: 1, nat: 1 }),
  });
  for (const family of FAMILIES) {
    metrics.requested(family);
    metrics.syncStarted(family);
    metrics.synced({
      ...{ family, duration: 1, full: true, lines: 1, objects: 1, adopted: 1 },
      rules: { filter: 1, nat: 1 },
      noLocalEndpoints: { internal: 1, external: 1 },
    });
    metrics.failed({ family, duration: 1, full: true, code: 'transient' });
    metrics.driftRepaired(family, 1);
  }
  metrics.eventLost('rate');
  metrics.requestDone({ verb: 'GET', code: '200', host: 'localhost:6443', ms: 1 });
  metrics.contact('Service', 1);
  metrics.listed('Service', 'start');
  return metrics;
}

function one(name: string): readonly [string, number] {
  return [name, 1];
}
