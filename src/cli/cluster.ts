import { listCluster } from '../cluster/api.ts';
import { type Connection, openConnection } from '../cluster/connection.ts';
import type { Logger, Observer } from '../cluster/observer.ts';
import type { Settings } from '../config/settings.ts';
import type { Tracker } from '../tracker/tracker.ts';

/** The way to the API server that the flags name. @throws ClusterError */
export function connect(settings: Settings, observer?: Observer): Promise<Connection> {
  return openConnection({
    kubeconfig: settings.kubeconfig,
    master: settings.master,
    env: process.env,
    userAgent: `fairlead/${settings.version}`,
    ...(observer && { observer }),
  });
}

/** Lists everything into the tracker, once. @throws ClusterError */
export async function readClusterInto(tracker: Tracker, settings: Settings, logger: Logger): Promise<void> {
  const connection = await connect(settings);
  try {
    await listCluster({
      connection,
      sink: tracker,
      nodeName: settings.nodeName,
      serviceCIDRs: settings.mode === 'nftables',
      logger,
      signal: new AbortController().signal,
    });
  } finally {
    connection.close();
  }
}
