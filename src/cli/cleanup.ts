import type { Settings } from '../config/settings.ts';
import { cleanUp } from '../dataplane/cleanup.ts';
import { systemExec } from '../dataplane/exec.ts';
import { nftPath } from '../dataplane/nftables/path.ts';
import { createLogger } from '../log.ts';

/** Removes what any mode has programmed on this node. */
export async function runCleanup(settings: Settings): Promise<number> {
  const logger = createLogger(settings);
  const failures = await cleanUp({
    exec: systemExec,
    logger,
    signal: new AbortController().signal,
    excludeCIDRs: settings.config.ipvs.excludeCIDRs,
    nft: nftPath(settings.nftPath),
  });
  for (const failure of failures) logger.warn({}, `not removed: ${failure}`);
  logger.info({ failures: failures.length }, 'cleaned up');
  return failures.length > 0 ? 1 : 0;
}
