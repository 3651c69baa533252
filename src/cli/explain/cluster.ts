import type { Family, ServicePort } from '../../../rules/model.ts';
import type { Settings } from '../../config/settings.ts';
import type { LostClaim } from '../../tracker/claims.ts';
import { readClusterInto } from '../cluster.ts';
import { compileAll, type DesiredFamily } from '../desired.ts';
import { readFilesInto } from '../objects.ts';
import { NamedTracker } from './named-tracker.ts';

/** What is known of the cluster, and what this node should have because of it. */
export class KnownCluster {
  readonly names: NamedTracker;
  readonly families: ReadonlyMap<Family, DesiredFamily>;
  readonly #services = new Map<Family, readonly KnownService[]>();

  constructor(names: NamedTracker, families: ReadonlyMap<Family, DesiredFamily>) {
    this.names = names;
    this.families = families;
  }

  /** All ServicePorts of a family, with their endpoints. */
  services(family: Family): readonly KnownService[] {
    const known = this.#services.get(family);
    if (known) return known;
    const keys = [...this.names.servicePortKeys(family)].sort();
    const services = keys.flatMap((key) => this.names.resolve(family, key) ?? []);
    this.#services.set(family, services);
    return services;
  }
}

export interface KnownService {
  readonly servicePort: ServicePort;
  /** Destinations that an older Service has. */
  readonly lost: readonly LostClaim[];
}

/**
 * Reads the cluster once: from the files of `--from`, else from the API server.
 * @param warn takes a line for each thing that cannot be used
 * @throws UsageError, ClusterError
 */
export async function readKnownCluster(
  settings: Settings,
  warn: (message: string) => void,
): Promise<KnownCluster> {
  const names = new NamedTracker({ nodeName: settings.nodeName, report: ({ message }) => warn(message) });
  if (settings.from.length > 0) readFilesInto(names, settings.from, warn);
  else {
    const logger = { info: () => {}, debug: () => {}, warn: (_: object, message: string) => warn(message) };
    await readClusterInto(names, settings, logger);
  }
  return new KnownCluster(names, compileAll(names, settings, warn));
}
