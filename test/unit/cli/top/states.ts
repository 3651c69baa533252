import type { ServicePortKey } from '../../../../rules/model.ts';
import type { FamilyState, NodeState, SyncRecord } from '../../../../src/ui/state.ts';

export const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);

/** A proxy of one family with nothing to complain about. */
export function nodeState(more: Partial<NodeState> = {}): NodeState {
  return {
    version: '1.2.3',
    mode: 'nftables',
    nodeName: 'node-1',
    zone: 'zone-a',
    started: NOW - 3 * 3600_000,
    now: NOW,
    services: 1234,
    families: [familyState()],
    syncs: [],
    ...more,
  };
}

export function familyState(more: Partial<FamilyState> = {}): FamilyState {
  return {
    family: 'ipv4',
    servicePorts: 1500,
    endpoints: 4500,
    objects: 21_000,
    syncs: 99,
    failures: 0,
    lines: 34_567,
    repaired: 0,
    lastRepair: undefined,
    lastSync: NOW - 2_000,
    failing: undefined,
    quarantined: { total: 0, items: [] },
    contested: { total: 0, items: [] },
    anotherProxy: undefined,
    ...more,
  };
}

/** A sync of these ServicePorts, so many seconds ago. */
export function sync(
  ago: number,
  servicePorts: readonly string[],
  more: Partial<SyncRecord> = {},
): SyncRecord {
  return {
    id: 1,
    family: 'ipv4',
    at: NOW - ago * 1000,
    duration: 12,
    full: false,
    servicePorts: { total: servicePorts.length, items: servicePorts as readonly ServicePortKey[] },
    lines: 4,
    repaired: 0,
    adopted: undefined,
    objects: 21_000,
    failure: undefined,
    ...more,
  };
}
