import type { Family } from '../../../rules/model.ts';
import { nftablesCompiler } from '../compilers.ts';
import { DataplaneError } from '../dataplane.ts';
import type { PreparedFamily, PrepareOptions } from '../prepare.ts';
import { NftablesDataplane } from './dataplane.ts';
import { nftPath } from './path.ts';
import { probeNftables, requireVersion } from './probe.ts';
import { NftSession } from './session.ts';
import { NftTools } from './tools.ts';
import { Turns } from './turns.ts';

/** nftables mode: checks what the node can do, and reads what is there. */
export async function prepareNftables(
  families: readonly Family[],
  { settings, exec, logger, clock }: PrepareOptions,
  signal: AbortSignal,
): Promise<[Family, PreparedFamily | DataplaneError][]> {
  const path = nftPath(settings.nftPath);
  const turns = new Turns();
  const version = new NftTools('ipv4', { exec, path }).version(signal);
  const prepared = await Promise.all(
    families.map(async (family): Promise<[Family, PreparedFamily | DataplaneError]> => {
      const session = new NftSession({ exec, path, clock });
      const tools = new NftTools(family, { exec, path, turns, session });
      const dataplane = new NftablesDataplane(tools);
      try {
        requireVersion(await version);
        // A listing is of the moment at which it ends, or nft begins it anew.
        const adopted = dataplane.adopt(signal).then((ledger) => ({ ledger, readAt: clock.now() }));
        const [capabilities, read] = await settled(probeNftables(tools, signal), adopted);
        return [family, { dataplane, compiler: nftablesCompiler, capabilities, ...read }];
      } catch (error) {
        if (error instanceof DataplaneError && error.code !== 'aborted') return [family, error];
        throw error;
      }
    }),
  );
  if (prepared.some(([, found]) => !(found instanceof DataplaneError)))
    logger.info({ path, version: await version }, 'nft');
  return prepared;
}

/** Both, once both are done. What the first has against it comes first. */
async function settled<A, B>(first: Promise<A>, second: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([first, second]);
  return [await first, await second];
}
