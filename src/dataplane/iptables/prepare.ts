import type { Family } from '../../../rules/model.ts';
import { iptablesCompiler } from '../compilers.ts';
import { DataplaneError } from '../dataplane.ts';
import type { PreparedFamily, PrepareOptions } from '../prepare.ts';
import { ensureNfacctObjects, probeCapabilities } from './capabilities.ts';
import { IptablesDataplane } from './dataplane.ts';
import { RestoreSession } from './session.ts';
import { detectBackend, IptablesTools, iptablesName } from './tools.ts';

/** iptables mode: chooses the backend, and reads what is there. */
export async function prepareIptables(
  families: readonly Family[],
  { settings, exec, logger, clock }: PrepareOptions,
  signal: AbortSignal,
): Promise<[Family, PreparedFamily | DataplaneError][]> {
  const { iptablesBackend } = settings;
  const backend = iptablesBackend === 'auto' ? await detectBackend(exec, signal) : iptablesBackend;
  logger.info(
    { backend, chosen: iptablesBackend === 'auto' ? 'by what this node uses' : 'by flag' },
    'iptables backend',
  );
  const nfacct = await ensureNfacctObjects(exec, signal);
  return await Promise.all(
    families.map(async (family): Promise<[Family, PreparedFamily | DataplaneError]> => {
      // The legacy tools hold the lock for as long as they run, and swap the whole table whatever they are given.
      const program = `${iptablesName(family, backend)}-restore`;
      const session = backend === 'nft' ? new RestoreSession({ exec, program, clock }) : undefined;
      const tools = new IptablesTools(family, backend, exec, session);
      const dataplane = new IptablesDataplane(tools);
      try {
        const readAt = clock.now();
        const ledger = await dataplane.adopt(signal);
        const capabilities = await probeCapabilities(tools, ledger, nfacct, signal);
        return [family, { dataplane, compiler: iptablesCompiler, capabilities, ledger, readAt }];
      } catch (error) {
        if (error instanceof DataplaneError && error.code !== 'aborted') return [family, error];
        throw error;
      }
    }),
  );
}
