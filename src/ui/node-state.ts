import type { Daemon, RunningFamily } from '../daemon.ts';
import type { Quarantined } from '../quarantine.ts';
import type { LostClaim } from '../tracker/claims.ts';
import type { Tracker } from '../tracker/tracker.ts';
import { serviceNames } from './service-names.ts';
import type { ContestedClaim, FamilyState, NodeState, QuarantinedServicePort } from './state.ts';
import { cut, MESSAGE_CHARACTERS, type SyncHistory, shortened } from './sync-history.ts';

/** What the daemon tells of itself. */
export type Programming = Pick<Daemon, 'running' | 'lostClaims'>;

export interface NodeStateSources {
  readonly about: Pick<NodeState, 'version' | 'mode' | 'nodeName' | 'started'>;
  readonly now: number;
  readonly tracker: Tracker;
  readonly daemon: Programming | undefined;
  readonly history: SyncHistory;
}

/** ServicePorts in trouble that are listed, of each family. */
const LISTED = 100;

/** How the proxy of this node is. */
export function nodeState({ about, now, tracker, daemon, history }: NodeStateSources): NodeState {
  return {
    ...about,
    zone: tracker.node?.zone ?? '',
    now,
    services: serviceNames(tracker).size,
    families: (daemon?.running ?? []).map((running) => {
      return familyState(running, daemon?.lostClaims(running.family) ?? [], tracker, history);
    }),
    syncs: history.records,
  };
}

function familyState(
  { family, reconciler }: RunningFamily,
  lost: readonly LostClaim[],
  tracker: Tracker,
  history: SyncHistory,
): FamilyState {
  const { quarantined } = reconciler;
  const contested = cut(lost, LISTED);
  let servicePorts = 0;
  for (const _ of tracker.servicePortKeys(family)) servicePorts++;
  return {
    family,
    servicePorts,
    endpoints: tracker.endpointCount(family),
    ...history.totals(family),
    quarantined: {
      total: quarantined.length,
      items: quarantined.slice(0, LISTED).map(quarantinedServicePort),
    },
    contested: { total: contested.total, items: contested.items.map(contestedClaim) },
  };
}

export function quarantinedServicePort(entry: Quarantined): QuarantinedServicePort {
  const { servicePort, error, attempts, retryAt } = entry;
  return {
    servicePort,
    message: shortened(error.message, MESSAGE_CHARACTERS),
    line: error.refusedLine === undefined ? undefined : shortened(error.refusedLine, MESSAGE_CHARACTERS),
    attempts,
    retryAt,
  };
}

export function contestedClaim({ loser, winner, what }: LostClaim): ContestedClaim {
  return { servicePort: loser, winner, what };
}
