import type { Address, Family } from '../../rules/model.ts';
import { FAMILIES } from '../../rules/model.ts';
import type { Settings } from '../config/settings.ts';
import { compilerOf } from '../dataplane/compilers.ts';
import { type Context, DesiredState } from '../desired-state.ts';
import { givenAddresses, nodeFacts, proxySettings } from '../node-facts.ts';
import { show } from '../tracker/problem.ts';
import { Tracker } from '../tracker/tracker.ts';
import { readClusterInto } from './cluster.ts';
import { readFilesInto } from './objects.ts';

/** What the node of the settings should have, for one IP family. */
export interface DesiredFamily extends Pick<Context, 'node' | 'settings'> {
  readonly desired: DesiredState;
}

/**
 * Reads the cluster once: from the files of `--from`, else from the API server.
 * @param warn takes a line for each thing that cannot be used
 * @throws UsageError, ClusterError
 */
export async function readCluster(settings: Settings, warn: (message: string) => void): Promise<Tracker> {
  const tracker = new Tracker({ nodeName: settings.nodeName, report: ({ message }) => warn(message) });
  if (settings.from.length > 0) readFilesInto(tracker, settings.from, warn);
  else
    await readClusterInto(tracker, settings, {
      info: () => {},
      debug: () => {},
      warn: (_, message) => warn(message),
    });
  return tracker;
}

/**
 * Compiles all that the tracker has, for each family of the settings. Reads nothing of the host: its kernel is taken
 * to have all that rules can make use of.
 */
export function compileAll(
  tracker: Tracker,
  settings: Settings,
  warn: (message: string) => void,
): ReadonlyMap<Family, DesiredFamily> {
  const { node } = tracker;
  const localAddresses: readonly Address[] = settings.localAddresses
    ? givenAddresses(settings.localAddresses)
    : (node?.addresses ?? []);
  const all = new Map<Family, DesiredFamily>();
  for (const family of settings.ipFamily === undefined ? FAMILIES : [settings.ipFamily]) {
    const facts = nodeFacts(family, settings, {
      node,
      localAddresses,
      serviceCIDRs: tracker.serviceCIDRs(family),
    });
    if (node === undefined && all.size === 0) warn(missingNode(settings.nodeName, facts.nodeIP));
    const proxy = proxySettings(family, settings, facts, { nfacct: true, randomFully: true });
    const desired = new DesiredState(family, tracker, compilerOf(settings));
    desired.update(facts, proxy);
    for (const { loser, winner, what } of desired.lostClaims) {
      warn(`ServicePort ${loser} does not get ${what}: ServicePort ${winner} claimed it first`);
    }
    all.set(family, { desired, node: facts, settings: proxy });
  }
  return all;
}

function missingNode(name: string, nodeIP: Address): string {
  const instead = `going on with node IP ${nodeIP}, no zone and no Pod networks`;
  return `Node ${show(name)} is not among the objects (--hostname-override names another): ${instead}`;
}
