import type { Family } from '../../../rules/model.ts';
import { nftablesCompiler } from '../compilers.ts';
import { DataplaneError } from '../dataplane.ts';
import type { PreparedFamily, PrepareOptions } from '../prepare.ts';
import { openConversation } from './conversation.ts';
import { NftablesDataplane } from './dataplane.ts';
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
  const path = settings.nftPath ?? process.env['NFT'] ?? 'nft';
  const turns = new Turns();
  let version: string | undefined;
  const prepared = await Promise.all(
    families.map(async (family): Promise<[Family, PreparedFamily | DataplaneError]> => {
      const session = new NftSession({ open: openConversation, path, clock });
      const tools = new NftTools(family, { exec, path, turns, session });
      const dataplane = new NftablesDataplane(tools);
      try {
        version = await tools.version(signal);
        requireVersion(version);
        const capabilities = await probeNftables(tools, signal);
        const ledger = await dataplane.adopt(signal);
        // A listing is of the moment at which it ends, or nft begins it anew.
        const readAt = clock.now();
        return [family, { dataplane, compiler: nftablesCompiler, capabilities, ledger, readAt }];
      } catch (error) {
        if (error instanceof DataplaneError && error.code !== 'aborted') return [family, error];
        throw error;
      }
    }),
  );
  if (version !== undefined) logger.info({ path, version }, 'nft');
  return prepared;
}
