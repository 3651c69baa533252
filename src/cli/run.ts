import { followCluster } from '../cluster/api.ts';
import { systemClock } from '../cluster/clock.ts';
import type { Note, Settings } from '../config/settings.ts';
import { watchConfigFile } from '../config-watch.ts';
import { Daemon } from '../daemon.ts';
import { systemExec } from '../dataplane/exec.ts';
import { systemSysctl } from '../dataplane/sysctl.ts';
import { createLogger, type Logger } from '../log.ts';
import { Tracker } from '../tracker/tracker.ts';
import { connect } from './cluster.ts';
import { readFilesInto } from './objects.ts';

/** Follows the cluster, or takes the files as they are now, and programs the node until SIGTERM or SIGINT. */
export async function runDaemon(settings: Settings, notes: readonly Note[]): Promise<number> {
  const logger = createLogger(settings);
  const { version, mode, nodeName } = settings;
  logger.info({ version, mode, node: nodeName }, 'starting');
  for (const { level, message } of notes) logger[level]({}, message);

  const stop = new AbortController();
  const onSignal = (signal: string): void => {
    logger.info({ signal }, 'stopping: all rules stay in place');
    stop.abort();
  };
  process.once('SIGTERM', onSignal).once('SIGINT', onSignal);

  const { configFile } = settings;
  const unwatch =
    configFile === undefined
      ? undefined
      : watchConfigFile(configFile, () => {
          logger.info(
            { file: configFile },
            'configuration file changed: stopping, to be started again with it',
          );
          stop.abort();
        });

  let changed = (): void => {};
  const tracker = new Tracker({
    nodeName,
    report: ({ message }) => logger.warn({}, message),
    changed: () => changed(),
  });
  const daemon = new Daemon({
    settings,
    tracker,
    logger,
    exec: systemExec,
    sysctl: systemSysctl,
    clock: systemClock,
    random: Math.random,
  });
  changed = () => daemon.changed();
  try {
    if (settings.from.length > 0) {
      readFilesInto(tracker, settings.from);
      // Nothing else keeps the process alive once all is programmed.
      const alive = setInterval(() => {}, 2 ** 30);
      await daemon.run(stop.signal).finally(() => clearInterval(alive));
    } else {
      await followAndProgram(settings, tracker, daemon, logger, stop);
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    stop.abort();
    unwatch?.();
    process.off('SIGTERM', onSignal).off('SIGINT', onSignal);
  }
  return 0;
}

async function followAndProgram(
  settings: Settings,
  tracker: Tracker,
  daemon: Daemon,
  logger: Logger,
  stop: AbortController,
): Promise<void> {
  const connection = await connect(settings);
  const following = followCluster({
    connection,
    sink: tracker,
    nodeName: settings.nodeName,
    serviceCIDRs: settings.mode === 'nftables',
    logger,
    signal: stop.signal,
  });
  try {
    await Promise.all([daemon.run(stop.signal), following]);
  } finally {
    stop.abort();
    connection.close();
    await following.catch(() => {});
  }
}
