import { availableParallelism } from 'node:os';
import { followCluster } from '../cluster/api.ts';
import { systemClock } from '../cluster/clock.ts';
import type { Connection } from '../cluster/connection.ts';
import type { Observer } from '../cluster/observer.ts';
import { fetchVersion } from '../cluster/version.ts';
import type { Note, Settings } from '../config/settings.ts';
import { watchConfigFile } from '../config-watch.ts';
import { Daemon } from '../daemon.ts';
import { ConntrackTool } from '../dataplane/conntrack/tool.ts';
import { systemExec } from '../dataplane/exec.ts';
import { applyKernelSettings } from '../dataplane/kernel-settings.ts';
import { systemSysctl } from '../dataplane/sysctl.ts';
import { EventRecorder } from '../events/event-recorder.ts';
import { Instruments } from '../instruments.ts';
import { createLogger, type Logger } from '../log.ts';
import { reportProblem } from '../problem-events.ts';
import { Tracker } from '../tracker/tracker.ts';
import { connect } from './cluster.ts';
import { readFilesInto } from './objects.ts';

/** Follows the cluster, or takes the files as they are now, and programs the node until SIGTERM or SIGINT. */
export async function runDaemon(settings: Settings, notes: readonly Note[]): Promise<number> {
  const logger = createLogger(settings);
  const { version, mode, nodeName, configFile } = settings;
  logger.info({ version, mode, node: nodeName }, 'starting');
  for (const { level, message } of notes) logger[level]({}, message);

  const stop = new AbortController();
  let asked = false;
  const stopOnce = (fields: object, message: string): void => {
    if (!asked) logger.info(fields, message);
    asked = true;
    stop.abort();
  };
  const onSignal = (signal: string): void => stopOnce({ signal }, 'stopping: all rules stay in place');
  // Not once: whoever looks whether a signal has a listener (execa's clean-up does) would find none, and end us.
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  const unwatch =
    configFile === undefined
      ? undefined
      : watchConfigFile(configFile, () => {
          stopOnce({ file: configFile }, 'configuration file changed: stopping, to be started again with it');
        });
  try {
    await program(settings, logger, stop);
  } catch (error) {
    // What ends while it is told to stop has nothing to say.
    if (!asked) throw error;
  } finally {
    stop.abort();
    unwatch?.();
    process.off('SIGTERM', onSignal).off('SIGINT', onSignal);
  }
  return 0;
}

async function program(settings: Settings, logger: Logger, stop: AbortController): Promise<void> {
  const { signal } = stop;
  const clock = systemClock;
  let daemon: Daemon | undefined;
  let events: EventRecorder | undefined;
  const tracker = new Tracker({
    nodeName: settings.nodeName,
    report: (problem) => {
      logger.warn({}, problem.message);
      reportProblem(problem, (event) => events?.event(event));
    },
    changed: () => daemon?.changed(),
  });
  const instruments = new Instruments({
    settings,
    tracker,
    daemon: () => daemon,
    logger,
    clock,
    exec: systemExec,
    event: (event) => events?.event(event),
  });
  const { metrics } = instruments;
  const sink = metrics.measured(tracker);
  const connection = settings.from.length > 0 ? undefined : await connect(settings, metrics);
  events =
    connection &&
    new EventRecorder({
      connection,
      nodeName: settings.nodeName,
      clock,
      logger,
      lost: (reason) => metrics.eventLost(reason),
    });
  try {
    await instruments.start();
    await applyKernelSettings({
      conntrack: settings.config.conntrack,
      oomScoreAdj: settings.config.oomScoreAdj,
      cpus: availableParallelism(),
      sysctl: systemSysctl,
      logger,
      loadConntrack: () => new ConntrackTool(systemExec).load(signal),
    });
    daemon = new Daemon({
      settings,
      tracker,
      logger,
      exec: systemExec,
      sysctl: systemSysctl,
      clock,
      random: Math.random,
      observer: instruments.observer,
    });
    const source = connection
      ? follow(connection, { settings, sink, logger, observer: metrics, signal })
      : readFilesInto(tracker, settings.from, (message) => logger.warn({}, message));
    if (connection)
      void fetchVersion(connection, signal).then((found) => found && metrics.clusterVersion(found));
    await Promise.all([daemon.run(signal), source, untilAborted(signal)]);
  } finally {
    stop.abort();
    events?.close();
    connection?.close();
    await instruments.close();
  }
}

interface FollowOptions {
  readonly settings: Settings;
  readonly sink: Parameters<typeof followCluster>[0]['sink'];
  readonly logger: Logger;
  readonly observer: Observer;
  readonly signal: AbortSignal;
}

function follow(connection: Connection, { settings, ...options }: FollowOptions): Promise<void> {
  const { nodeName, mode } = settings;
  return followCluster({ connection, nodeName, serviceCIDRs: mode === 'nftables', ...options });
}

/** With files as the source nothing else keeps the process alive once all is programmed. */
function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const alive = setInterval(() => {}, 2 ** 30);
    const done = (): void => {
      clearInterval(alive);
      resolve();
    };
    if (signal.aborted) done();
    else signal.addEventListener('abort', done, { once: true });
  });
}
