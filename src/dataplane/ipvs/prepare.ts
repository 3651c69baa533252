import { release } from 'node:os';
import type { Family } from '../../../rules/model.ts';
import { DataplaneError, type Ledger } from '../dataplane.ts';
import { probeCapabilities } from '../iptables/capabilities.ts';
import { detectBackend, IptablesTools } from '../iptables/tools.ts';
import type { PreparedFamily, PrepareOptions } from '../prepare.ts';
import type { Sysctl } from '../sysctl.ts';
import { ipvsCompiler } from './compiler.ts';
import { IpvsDataplane, readShared, type SharedState } from './dataplane.ts';
import { prepareHost } from './host.ts';
import { IpvsTools } from './tools.ts';

/** ipvs mode: sees to what the kernel needs, and reads what is there. */
export async function prepareIpvs(
  families: readonly Family[],
  options: PrepareOptions & { readonly sysctl: Sysctl },
  signal: AbortSignal,
): Promise<[Family, PreparedFamily | DataplaneError][]> {
  const { settings, exec, logger, clock, sysctl } = options;
  const { iptablesBackend } = settings;
  const config = settings.config.ipvs;
  const tools = new IpvsTools(exec);
  let shared: SharedState;
  try {
    await prepareHost({ tools, config, sysctl, logger, kernelRelease: release() }, signal);
    shared = await readShared(tools, signal);
  } catch (error) {
    if (!(error instanceof DataplaneError) || error.code === 'aborted') throw error;
    return families.map((family) => [family, error]);
  }
  const readAt = clock.now();
  const backend = iptablesBackend === 'auto' ? await detectBackend(exec, signal) : iptablesBackend;
  logger.info({ backend }, 'iptables backend');
  return await Promise.all(
    families.map(async (family): Promise<[Family, PreparedFamily | DataplaneError]> => {
      const iptables = new IptablesTools(family, backend, exec);
      const dataplane = new IpvsDataplane({ iptables, tools, excludeCIDRs: config.excludeCIDRs });
      try {
        const ledger = await dataplane.adopt(signal, shared);
        const capabilities = await probeCapabilities(iptables, asIptables(ledger), false, signal);
        return [
          family,
          { dataplane, compiler: ipvsCompiler(config.scheduler), capabilities, ledger, readAt },
        ];
      } catch (error) {
        if (error instanceof DataplaneError && error.code !== 'aborted') return [family, error];
        throw error;
      }
    }),
  );
}

/** What tells of capabilities, by the keys of iptables mode. */
function asIptables(ledger: Ledger): Ledger {
  const text = ledger.get('chain nat KUBE-POSTROUTING');
  return new Map(text === undefined ? [] : [['nat:KUBE-POSTROUTING', text]]);
}
