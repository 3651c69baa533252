import { ensureSysctl, type Sysctl } from './dataplane/sysctl.ts';
import type { Logger } from './log.ts';

const ROUTE_LOCALNET = 'net/ipv4/conf/all/route_localnet';

/** Node ports on 127.0.0.1 need packets from there to be routed. */
export function openLocalhost(sysctl: Sysctl, logger: Logger): void {
  const outcome = ensureSysctl(sysctl, ROUTE_LOCALNET, '1');
  if (outcome === 'set') logger.info({}, `${ROUTE_LOCALNET} set to 1, for node ports on 127.0.0.1`);
  if (typeof outcome === 'object') {
    logger.warn({}, `${outcome.failed}; node ports do not answer on 127.0.0.1`);
  }
}
