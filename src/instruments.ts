import { ruleCount } from '../rules/iptables/chains.ts';
import type { Family } from '../rules/model.ts';
import { FAMILIES } from '../rules/model.ts';
import { type NodePortScope, nodePortScope } from '../rules/node-ports.ts';
import type { Clock } from './cluster/clock.ts';
import { configObject } from './config/config-text.ts';
import { flagValues } from './config/flag-values.ts';
import { modeSettings } from './config/mode.ts';
import { parseHostPort } from './config/network-kinds.ts';
import type { Settings } from './config/settings.ts';
import type { Daemon, DaemonObserver } from './daemon.ts';
import type { Plan } from './dataplane/dataplane.ts';
import type { Exec } from './dataplane/exec.ts';
import { debugHandler } from './debug/debug-server.ts';
import type { EventReport, Regarding } from './events/event.ts';
import { BoundServer } from './health/bound-server.ts';
import { healthCheckHosts } from './health/health-check-hosts.ts';
import { HealthCheckNodePorts } from './health/health-check-node-ports.ts';
import { HealthCheckServices } from './health/health-check-services.ts';
import { healthHandler } from './health/health-server.ts';
import { ProxyHealth } from './health/proxy-health.ts';
import type { Logger } from './log.ts';
import { Metrics } from './metrics/metrics.ts';
import { nfacctReader } from './metrics/nfacct.ts';
import { NoLocalEndpoints } from './metrics/no-local-endpoints.ts';
import type { RuleCounts } from './metrics/sync-sample.ts';
import { printSections } from './sections.ts';
import type { Tracker } from './tracker/tracker.ts';
import { NodeView } from './ui/node-view.ts';
import { pageRoute } from './ui/page-route.ts';

export interface InstrumentsOptions {
  readonly settings: Settings;
  readonly tracker: Tracker;
  /** The daemon that is watched, once there is one. */
  readonly daemon: () => Daemon | undefined;
  readonly logger: Logger & { level?: string };
  readonly clock: Clock;
  readonly exec: Exec;
  readonly event: (report: EventReport) => void;
}

/** What tells how the proxy is: health, health-check node ports, metrics, Events and the debugging endpoints. */
export class Instruments {
  readonly metrics: Metrics;
  readonly #options: InstrumentsOptions;
  readonly #health: ProxyHealth;
  readonly #nodePorts: HealthCheckNodePorts;
  readonly #services = new HealthCheckServices();
  readonly #noLocal: Readonly<Record<Family, NoLocalEndpoints>>;
  readonly #servers: BoundServer[] = [];
  readonly #view: NodeView;

  constructor(options: InstrumentsOptions) {
    this.#options = options;
    this.#view = new NodeView(options);
    const { settings, clock, logger, exec, event } = options;
    const { mode, version, config, ipFamily } = settings;
    this.#health = new ProxyHealth({ clock, timeout: 2 * modeSettings(config).syncPeriod });
    this.#noLocal = { ipv4: new NoLocalEndpoints(), ipv6: new NoLocalEndpoints() };
    this.metrics = new Metrics({
      mode,
      families: ipFamily === undefined ? FAMILIES : [ipFamily],
      clock,
      version,
      features: config.featureGates,
      ...(mode === 'iptables' && {
        nfacct: nfacctReader(exec),
        rulesInLedger: (family) => this.#rules(family),
      }),
    });
    this.#nodePorts = new HealthCheckNodePorts({
      healthy: () => this.#health.healthy,
      clock,
      logger,
      refused: (service, port, message) => {
        event({
          type: 'Warning',
          reason: 'HealthCheckPortInUse',
          action: 'Listen',
          note: `healthCheckNodePort ${port} cannot be served on node ${settings.nodeName}: ${message}`,
          regarding: this.#regarding(service),
        });
      },
    });
  }

  /** Starts the servers. @throws RuntimeFailure where a port cannot be had and bindAddressHardFail is set */
  async start(): Promise<void> {
    const { settings, tracker, clock, logger } = this.#options;
    const { config, mode, version } = settings;
    const servers = [
      {
        name: 'health server',
        address: config.healthzBindAddress,
        handler: healthHandler({
          health: this.#health,
          node: () => tracker.node,
          served: (endpoint, status) => this.metrics.served(endpoint, status),
        }),
      },
      {
        name: 'metrics server',
        address: config.metricsBindAddress,
        handler: debugHandler({
          mode,
          version,
          clock,
          metrics: this.metrics,
          config: configObject(config),
          flags: flagValues(settings),
          rules: () => this.#printedRules(),
          profiling: config.enableProfiling,
          more: [...this.#view.routes, ...(settings.ui ? [pageRoute()] : [])],
          setVerbosity: (verbosity) => {
            logger.level = verbosity >= 4 ? 'trace' : verbosity >= 2 ? 'debug' : 'info';
          },
        }),
      },
    ];
    for (const { name, address, handler } of servers) {
      const bound = parseHostPort(address);
      if (!bound) continue;
      const server = new BoundServer({
        name,
        ...bound,
        hardFail: config.bindAddressHardFail,
        handler,
        clock,
        logger,
      });
      this.#servers.push(server);
      await server.start();
    }
    if (!settings.ui) return;
    if (config.metricsBindAddress === '') logger.warn({}, '--ui has no effect: there is no metrics server');
    else logger.info({ url: `http://${config.metricsBindAddress}/` }, 'serving a page for browsers');
  }

  async close(): Promise<void> {
    await Promise.all([this.#nodePorts.close(), ...this.#servers.map((server) => server.close())]);
  }

  /** Watches the daemon. */
  get observer(): DaemonObserver {
    const { metrics } = this;
    const health = this.#health;
    return {
      requested: (family) => {
        health.queued(family);
        metrics.requested(family);
      },
      started: (family) => {
        health.started(family);
        metrics.syncStarted(family);
      },
      synced: (report) => {
        const { family, repaired } = report;
        health.updated(family);
        const rules = this.#options.settings.mode === 'iptables' ? rulesIn(report.plan) : undefined;
        metrics.synced({
          ...report,
          ...(rules && { rules }),
          noLocalEndpoints: this.#noLocal[family].counts,
        });
        if (repaired > 0) metrics.driftRepaired(family, repaired);
        const daemon = this.#options.daemon();
        const running = daemon?.running.find((entry) => entry.family === family);
        metrics.quarantined(family, running?.reconciler.quarantined.length ?? 0);
        metrics.contested(family, daemon?.lostClaims(family).length ?? 0);
        if (report.servicePorts.length > 0 || report.full) this.#openNodePorts();
        this.#view.synced(report);
      },
      stuck: (family) => metrics.nftablesCleanupFailed(family),
      failed: (failure) => {
        const { family, error, duration, full } = failure;
        metrics.failed({ family, duration, full, code: error.code });
        this.#view.failed(failure);
      },
      quarantined: (_family, servicePort, error) => {
        const [namespace = '', name = ''] = servicePort.split(/[/:]/);
        this.#options.event({
          type: 'Warning',
          reason: 'RuleRefused',
          action: 'Quarantine',
          note: `the kernel of node ${this.#options.settings.nodeName} refuses the rules of ${servicePort}; the last good ones stay: ${error.message}`,
          regarding: this.#regarding(`${namespace}/${name}`),
        });
      },
      contested: (family, repairs) => {
        metrics.anotherProxy(family, true);
        this.#view.contested(family);
        const { nodeName } = this.#options.settings;
        this.#options.event({
          type: 'Warning',
          reason: 'AnotherProxyWriting',
          action: 'Repair',
          note: `another proxy is writing on node ${nodeName}: our rules were changed ${repairs} times in 10 minutes; is kube-proxy still running there?`,
          regarding: { kind: 'Node', name: nodeName, uid: nodeName },
        });
      },
      compiled: (family, key, servicePort, node) => {
        this.#services.update(family, key, servicePort);
        this.#noLocal[family].update(key, servicePort, node);
      },
      conntrackReconciled: (family, duration, deleted) =>
        metrics.conntrackReconciled(family, duration, deleted),
    };
  }

  /** A Service as the object of an Event. @param service `namespace/name` */
  #regarding(service: string): Regarding {
    const [namespace = '', name = ''] = service.split('/');
    const uid = this.#options.tracker.serviceUid(service);
    return { kind: 'Service', namespace, name, ...(uid !== undefined && { uid }) };
  }

  #openNodePorts(): void {
    const scopes: Partial<Record<Family, NodePortScope>> = {};
    for (const { family, context } of this.#options.daemon()?.running ?? []) {
      const { node, settings } = context();
      scopes[family] = nodePortScope(node, settings);
    }
    void this.#nodePorts.sync(this.#services.services, healthCheckHosts(scopes));
  }

  #rules(family: Family): RuleCounts | undefined {
    const running = this.#options.daemon()?.running.find((entry) => entry.family === family);
    if (!running) return undefined;
    const { ruleset } = running.desired;
    const counts = { filter: 0, nat: 0 };
    for (const key of ruleset.keys()) {
      if (key.startsWith('nat:')) counts.nat += ruleCount(key, ruleset.text(key) ?? '');
      else if (key.startsWith('filter:')) counts.filter += ruleCount(key, ruleset.text(key) ?? '');
    }
    return counts;
  }

  #printedRules(): Iterable<string> | undefined {
    const running = this.#options.daemon()?.running ?? [];
    if (running.length === 0) return undefined;
    const rulesets = new Map(running.map(({ family, desired }) => [family, desired.ruleset]));
    return printSections(this.#options.settings.mode, rulesets).map(({ tool, text }) => `# ${tool}\n${text}`);
  }
}

/** Rules that a plan writes. */
function rulesIn(plan: Plan | undefined): RuleCounts {
  const counts = { filter: 0, nat: 0 };
  for (const { text } of plan?.sections ?? []) {
    const table = text.slice(1, text.indexOf('\n'));
    if (table === 'filter' || table === 'nat') counts[table] += text.match(/^-[AI] /gm)?.length ?? 0;
  }
  return counts;
}
