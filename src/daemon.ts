import type { Address, Family } from '../rules/model.ts';
import { nodePortScope } from '../rules/node-ports.ts';
import type { Clock } from './cluster/clock.ts';
import type { Logger } from './cluster/observer.ts';
import { modeSettings } from './config/mode.ts';
import type { Settings } from './config/settings.ts';
import { readLocalAddresses } from './dataplane/addresses.ts';
import { DataplaneError } from './dataplane/dataplane.ts';
import type { Exec } from './dataplane/exec.ts';
import { type PreparedFamily, prepare } from './dataplane/prepare.ts';
import { ensureSysctl, type Sysctl } from './dataplane/sysctl.ts';
import { DesiredState } from './desired-state.ts';
import { RuntimeFailure } from './failure.ts';
import { releaseMemory } from './memory.ts';
import { givenAddresses, nodeFacts, primaryFamily, proxySettings } from './node-facts.ts';
import { Reconciler } from './reconciler.ts';
import { StartGate } from './start-gate.ts';
import type { Tracker } from './tracker/tracker.ts';

export interface DaemonOptions {
  readonly settings: Settings;
  readonly tracker: Tracker;
  readonly logger: Logger;
  readonly exec: Exec;
  readonly sysctl: Sysctl;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** Programs one node from what the tracker knows: a reconciler for each IP family, each for itself. */
export class Daemon {
  readonly #options: DaemonOptions;
  readonly #gate = new StartGate();
  readonly #reconcilers: Reconciler[] = [];
  #localAddresses: readonly Address[] = [];

  constructor(options: DaemonOptions) {
    this.#options = options;
  }

  /** The tracker has changed. */
  changed(): void {
    this.#gate.check();
    for (const reconciler of this.#reconcilers) reconciler.request();
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
    await Promise.all(running);
  }

  #start(family: Family, prepared: PreparedFamily, signal: AbortSignal): Promise<void> {
    const { settings, tracker, logger, clock, random } = this.#options;
    const { dataplane, compiler, capabilities, ledger, readAt } = prepared;
    let localhostOpened = false;
    const context = () => {
      const node = nodeFacts(family, settings, {
        node: tracker.node,
        localAddresses: this.#localAddresses,
        serviceCIDRs: tracker.serviceCIDRs(family),
      });
      return { node, settings: proxySettings(family, settings, node, capabilities) };
    };
    const reconciler = new Reconciler({
      dataplane,
      desired: new DesiredState(family, tracker, compiler),
      context,
      logger,
      clock,
      random,
      minSyncPeriod: settings.given.has(`${settings.mode}.minSyncPeriod`)
        ? modeSettings(settings.config).minSyncPeriod
        : DEFAULT_MIN_SYNC_PERIOD_MS,
      syncPeriod: modeSettings(settings.config).syncPeriod,
      ledger: clock.now() - readAt < LEDGER_FRESH_MS ? ledger : undefined,
      observer: {
        // Only once the guard against neighbours stands.
        synced: ({ adopted }) => {
          if (adopted !== undefined) setTimeout(releaseMemory, 200).unref();
          const { node, settings: proxy } = context();
          if (localhostOpened || settings.mode !== 'iptables' || !nodePortScope(node, proxy).localhost)
            return;
          localhostOpened = true;
          this.#openLocalhost();
        },
      },
    });
    this.#reconcilers.push(reconciler);
    reconciler.request();
    return reconciler.run(signal);
  }

  /** Node ports on 127.0.0.1 need packets from there to be routed. */
  #openLocalhost(): void {
    const { sysctl, logger } = this.#options;
    const outcome = ensureSysctl(sysctl, 'net/ipv4/conf/all/route_localnet', '1');
    if (outcome === 'set')
      logger.info({}, 'net/ipv4/conf/all/route_localnet set to 1, for node ports on 127.0.0.1');
    if (typeof outcome === 'object')
      logger.warn({}, `${outcome.failed}; node ports do not answer on 127.0.0.1`);
  }
}

/** A sync costs milliseconds: there is nothing to save up for. */
const DEFAULT_MIN_SYNC_PERIOD_MS = 0;

/** What was read from the kernel so long ago is read again. */
const LEDGER_FRESH_MS = 5_000;

const FAMILY_NAMES: Readonly<Record<Family, string>> = { ipv4: 'IPv4', ipv6: 'IPv6' };

function refuse(family: Family, primary: Family | undefined, error: DataplaneError, logger: Logger): void {
  const message = `${FAMILY_NAMES[family]} cannot be programmed: ${error.message}`;
  if (family === primary) throw new RuntimeFailure('family', message);
  logger.info({ family }, `single stack: ${message}`);
}
