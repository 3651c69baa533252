import type { ServicePortKey } from '../rules/model.ts';
import type { Logger } from './cluster/observer.ts';
import type { SyncObserver } from './sync-observer.ts';

/** Says in the log what becomes of syncs: one line for each that had something to do. */
export function syncLog(logger: Logger): SyncObserver {
  return {
    synced(report) {
      const { family, servicePorts, full, lines, adopted, repaired, objects, duration, deferred } = report;
      const isWork = full || servicePorts.length > 0 || lines > 0;
      logger[isWork && !deferred ? 'info' : 'debug'](
        {
          family,
          servicePorts: names(servicePorts),
          lines,
          adopted,
          repaired: repaired || undefined,
          objects,
          ms: Math.round(duration * 10) / 10,
        },
        'synced',
      );
    },
    failed({ family, error: { code, line, excerpt, message }, retryIn }) {
      logger.warn({ family, code, line, excerpt, retryMs: Math.round(retryIn) }, `sync failed: ${message}`);
    },
    quarantined(family, servicePort, { line, excerpt, message }) {
      logger.warn(
        { family, servicePort, line, excerpt },
        `ServicePort ${servicePort} is quarantined, as the kernel refuses its rules: ${message}`,
      );
    },
    stuck(family, objects, { line, excerpt, message }) {
      logger.warn(
        { family, objects, line, excerpt },
        `some of what is no longer wanted cannot be removed, and is left: ${message}`,
      );
    },
    contested(family, repairs, lines) {
      logger.warn(
        { family, repairs, lines },
        'another proxy is writing: our chains were changed again and again; is kube-proxy still running on this node? Repairs back off',
      );
    },
  };
}

/** A log line has room for some. */
function names(servicePorts: readonly ServicePortKey[]): readonly string[] {
  return servicePorts.length <= 5
    ? servicePorts
    : [...servicePorts.slice(0, 4), `and ${servicePorts.length - 4} more`];
}
