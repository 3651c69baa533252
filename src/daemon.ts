import type {
  Address,
  Family,
  NodeFacts,
  ProxySettings,
  ServicePort,
  ServicePortKey,
} from '../rules/model.ts';
import { nodePortScope } from '../rules/node-ports.ts';
import type { Clock } from './cluster/clock.ts';
import { pause } from './cluster/clock.ts';
import { modeSettings } from './config/mode.ts';
import type { Settings } from './config/settings.ts';
import { readLocalAddresses } from './dataplane/addresses.ts';
import { cleanUp, findLeftovers } from './dataplane/cleanup.ts';
import { ConntrackReconciler } from './dataplane/conntrack/reconciler.ts';
import { ConntrackTool } from './dataplane/conntrack/tool.ts';
import { DataplaneError } from './dataplane/dataplane.ts';
import type { ConversationExec, Exec, LineExec } from './dataplane/exec.ts';
import { watchAddresses } from './dataplane/ipvs/address-watch.ts';
import { nftPath } from './dataplane/nftables/path.ts';
import { type PreparedFamily, prepare } from './dataplane/prepare.ts';
import type { Sysctl } from './dataplane/sysctl.ts';
import { DesiredState } from './desired-state.ts';
import { RuntimeFailure } from './failure.ts';
import { openLocalhost } from './localhost-node-ports.ts';
import type { Logger } from './log.ts';
import { releaseMemory, tidyMemory } from './memory.ts';
import { givenAddresses, nodeFacts, primaryFamily, proxySettings } from './node-facts.ts';
import { Reconciler } from './reconciler.ts';
import { StartGate } from './start-gate.ts';
import { type SyncObserver, type SyncReport, tellAll } from './sync-observer.ts';
import type { LostClaim } from './tracker/claims.ts';
import { FAMILY_NAMES } from './tracker/fields.ts';
import type { Tracker } from './tracker/tracker.ts';

export interface DaemonOptions {
  readonly settings: Settings;
  readonly tracker: Tracker;
  readonly logger: Logger;
  readonly exec: Exec & LineExec & ConversationExec;
  readonly sysctl: Sysctl;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly observer?: DaemonObserver;
}

/** Watches the daemon without taking part: health, metrics, Events. */
export interface DaemonObserver extends SyncObserver {
  /** The ServicePort is like this now; undefined: gone. */
  compiled?(family: Family, key: ServicePortKey, servicePort: ServicePort | undefined, node: NodeFacts): void;
  /** `duration` in ms. */
  conntrackReconciled?(family: Family, duration: number, deleted: number): void;
}

/** One family that is being programmed. */
export interface RunningFamily {
  readonly family: Family;
  readonly reconciler: Reconciler;
  readonly desired: DesiredState;
  readonly context: () => { readonly node: NodeFacts; readonly settings: ProxySettings };
}

/** Programs one node from what the tracker knows: a reconciler for each IP family, each for itself. */
export class Daemon {
  readonly #options: DaemonOptions;
  readonly #gate = new StartGate();
  readonly #running: RunningFamily[] = [];
  readonly #conntrack: ConntrackReconciler;
  readonly #tidyMemory = tidyMemory();
  #localAddresses: readonly Address[] = [];
  /** Families that have not been programmed since the start. */
  readonly #unsynced = new Set<Family>();

  constructor(options: DaemonOptions) {
    this.#options = options;
    const { exec, logger, clock, random, observer } = options;
    this.#conntrack = new ConntrackReconciler({
      tool: new ConntrackTool(exec),
      logger,
      clock,
      random,
      desired: (family) => this.#udpFlows(family),
      observer: {
        reconciled: ({ family, duration, deleted }) =>
          observer?.conntrackReconciled?.(family, duration, deleted),
      },
    });
  }

  /** The tracker has changed. */
  changed(): void {
    this.#gate.check();
    for (const { reconciler } of this.#running) reconciler.request();
  }

  /** The families that are being programmed. */
  get running(): readonly RunningFamily[] {
    return this.#running;
  }

  /** Destinations of a family that go to an older Service. */
  lostClaims(family: Family): readonly LostClaim[] {
    return this.#running.find((entry) => entry.family === family)?.desired.lostClaims ?? [];
  }

  /**
   * Programs the node until the signal aborts. All rules stay in place.
   * @throws RuntimeFailure where the node lacks what it cannot do without
   */
  async run(signal: AbortSignal): Promise<void> {
    const { settings, tracker, logger, exec, clock } = this.#options;
    const { localAddresses } = settings;
    this.#localAddresses = localAddresses
      ? givenAddresses(localAddresses)
      : await readLocalAddresses(exec, signal);
    const families = await prepare(this.#options, signal);
    if (!(await this.#gate.pass(tracker, settings, logger, clock, signal))) return;

    const [only] = families.keys();
    const primary = families.size === 1 ? only : primaryFamily(settings, tracker.node);
    const running: Promise<void>[] = [];
    for (const [family, found] of families) {
      if (found instanceof DataplaneError) refuse(family, primary, found, logger);
      else running.push(this.#start(family, found, signal));
    }
    if (!localAddresses) running.push(this.#followAddresses(signal));
    running.push(this.#conntrack.run(signal));
    await Promise.all(running);
  }

  #start(family: Family, prepared: PreparedFamily, signal: AbortSignal): Promise<void> {
    const { settings, tracker, logger, clock, random, observer } = this.#options;
    const { dataplane, compiler, capabilities, ledger, readAt } = prepared;
    const context = () => {
      const node = nodeFacts(family, settings, {
        node: tracker.node,
        localAddresses: this.#localAddresses,
        serviceCIDRs: tracker.serviceCIDRs(family),
      });
      return { node, settings: proxySettings(family, settings, node, capabilities) };
    };
    const desired = new DesiredState(family, tracker, compiler, (key, servicePort, node) =>
      observer?.compiled?.(family, key, servicePort, node),
    );
    const reconciler = new Reconciler({
      dataplane,
      desired,
      context,
      logger,
      clock,
      random,
      minSyncPeriod: settings.given.has(`${settings.mode}.minSyncPeriod`)
        ? modeSettings(settings.config).minSyncPeriod
        : DEFAULT_MIN_SYNC_PERIOD_MS,
      syncPeriod: modeSettings(settings.config).syncPeriod,
      ledger: clock.now() - readAt < LEDGER_FRESH_MS ? ledger : undefined,
      observer: tellAll([this.#aftermath(context, signal), ...(observer ? [observer] : [])]),
    });
    this.#running.push({ family, reconciler, desired, context });
    this.#unsynced.add(family);
    reconciler.request();
    const watching = dataplane.watch?.(() => reconciler.request(), { clock, logger }, signal);
    return Promise.all([reconciler.run(signal), watching]).then(() => {});
  }

  /** What follows a sync. */
  #aftermath(context: RunningFamily['context'], signal: AbortSignal): SyncObserver {
    const { settings, sysctl, logger } = this.#options;
    let localhostOpened = false;
    let failed = false;
    return {
      failed: () => {
        failed = true;
      },
      synced: (report: SyncReport) => {
        this.#leaveOtherModes(report.family, signal);
        // Not in the middle of another family's start.
        if (report.adopted !== undefined && this.#unsynced.size === 0) setTimeout(releaseMemory, 200).unref();
        this.#tidyMemory();
        // What a failed sync compiled is not told again by the next one.
        if (failed || report.servicePorts.some((key) => key.endsWith('/udp')))
          this.#conntrack.request(report.family);
        failed = false;
        const { node, settings: proxy } = context();
        if (localhostOpened || settings.mode !== 'iptables' || !nodePortScope(node, proxy).localhost) return;
        localhostOpened = true;
        // Only now that the guard against neighbours stands.
        openLocalhost(sysctl, logger);
      },
    };
  }

  /** Once all families stand, what other modes have left here goes. */
  #leaveOtherModes(family: Family, signal: AbortSignal): void {
    if (!this.#unsynced.delete(family) || this.#unsynced.size > 0) return;
    const { exec, logger, settings } = this.#options;
    const options = {
      exec,
      logger,
      signal,
      keep: settings.mode,
      excludeCIDRs: settings.config.ipvs.excludeCIDRs,
      nft: nftPath(settings.nftPath),
    };
    void findLeftovers(options)
      .then((modes) => (modes.length > 0 ? cleanUp(options, modes) : []))
      .catch((error: unknown) => (signal.aborted ? [] : [String(error)]))
      .then((failures) => {
        for (const failure of failures) logger.warn({}, `left by another mode and not removed: ${failure}`);
      });
  }

  /** All UDP ServicePorts with their own destinations, and what flows to node ports depend on. */
  #udpFlows(family: Family): {
    servicePorts: readonly ServicePort[];
    node: NodeFacts;
    settings: ProxySettings;
  } {
    const { tracker, settings } = this.#options;
    const running = this.#running.find((entry) => entry.family === family);
    if (!running) throw new Error(`${family} is not being programmed`);
    const servicePorts = [...tracker.udpServicePortKeys(family)]
      .map((key) => tracker.resolve(family, key)?.servicePort)
      .filter((servicePort) => servicePort !== undefined);
    const context = running.context();
    // Only iptables mode serves node ports on 127.0.0.1.
    const localhostNodePorts = settings.mode === 'iptables' && context.settings.localhostNodePorts;
    return { servicePorts, node: context.node, settings: { ...context.settings, localhostNodePorts } };
  }

  /** Node ports and source ranges depend on the node's addresses, which may change at any time. */
  async #followAddresses(signal: AbortSignal): Promise<void> {
    const { exec, clock, logger, random, settings } = this.#options;
    // In ipvs mode each local address has its own virtual servers: that cannot wait.
    const watching =
      settings.mode === 'ipvs'
        ? watchAddresses(
            { exec, clock, logger, random, changed: () => void this.#readAddresses(signal) },
            signal,
          )
        : undefined;
    while (!signal.aborted) {
      await pause(clock, modeSettings(settings.config).syncPeriod, signal);
      if (!signal.aborted) await this.#readAddresses(signal);
    }
    await watching;
  }

  async #readAddresses(signal: AbortSignal): Promise<void> {
    const { exec, logger } = this.#options;
    try {
      const now = await readLocalAddresses(exec, signal);
      if (String(now) === String(this.#localAddresses)) return;
      logger.info({ addresses: now.length }, "this node's addresses have changed");
      this.#localAddresses = now;
      this.changed();
    } catch (error) {
      if (signal.aborted) return;
      logger.warn({}, `this node's addresses could not be read: ${(error as Error).message}`);
    }
  }
}

/** A sync costs milliseconds: there is nothing to save up for. */
const DEFAULT_MIN_SYNC_PERIOD_MS = 0;

/** What was read from the kernel so long ago is read again. */
const LEDGER_FRESH_MS = 5_000;

function refuse(family: Family, primary: Family | undefined, error: DataplaneError, logger: Logger): void {
  const message = `${FAMILY_NAMES[family]} cannot be programmed: ${error.message}`;
  if (family === primary) throw new RuntimeFailure('family', message);
  logger.info({ family }, `single stack: ${message}`);
}
