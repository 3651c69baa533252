import { FAMILIES, type Family } from '../../rules/model.ts';
import type { Clock } from '../cluster/clock.ts';
import type { Settings } from '../config/settings.ts';
import type { Compiler } from '../desired-state.ts';
import type { Logger } from '../log.ts';
import type { Capabilities } from '../node-facts.ts';
import type { Dataplane, DataplaneError, Ledger } from './dataplane.ts';
import type { ConversationExec, Exec } from './exec.ts';
import { prepareIptables } from './iptables/prepare.ts';
import { prepareIpvs } from './ipvs/prepare.ts';
import { prepareNftables } from './nftables/prepare.ts';
import type { Sysctl } from './sysctl.ts';

/** One IP family that this node can program, as it was found. */
export interface PreparedFamily {
  readonly dataplane: Dataplane;
  readonly compiler: Compiler;
  readonly capabilities: Capabilities;
  /** What was in the kernel. */
  readonly ledger: Ledger;
  /** When that was read, ms since the epoch. */
  readonly readAt: number;
}

export interface PrepareOptions {
  readonly settings: Settings;
  readonly exec: Exec & ConversationExec;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly sysctl: Sysctl;
}

/**
 * Finds out what this node can do in the mode of the settings, family by family.
 * @returns for each family what it takes to program it, or why it cannot be programmed
 */
export async function prepare(
  options: PrepareOptions,
  signal: AbortSignal,
): Promise<ReadonlyMap<Family, PreparedFamily | DataplaneError>> {
  const { ipFamily, mode } = options.settings;
  const families = ipFamily === undefined ? FAMILIES : [ipFamily];
  return new Map(await PREPARATIONS[mode](families, options, signal));
}

const PREPARATIONS = { iptables: prepareIptables, ipvs: prepareIpvs, nftables: prepareNftables } as const;
