import { adopt as adoptIptables } from '../../../rules/iptables/adopt.ts';
import { adopt as adoptIpvs } from '../../../rules/ipvs/adopt.ts';
import type { Address, Family } from '../../../rules/model.ts';
import type { Settings } from '../../config/settings.ts';
import { readLocalAddresses } from '../../dataplane/addresses.ts';
import type { Ledger } from '../../dataplane/dataplane.ts';
import type { Exec } from '../../dataplane/exec.ts';
import { ensureNfacctObjects, probeCapabilities } from '../../dataplane/iptables/capabilities.ts';
import { type Backend, detectBackend, IptablesTools } from '../../dataplane/iptables/tools.ts';
import { IpvsTools } from '../../dataplane/ipvs/tools.ts';
import { NftablesDataplane } from '../../dataplane/nftables/dataplane.ts';
import { nftPath } from '../../dataplane/nftables/path.ts';
import { probeNftables, requireVersion } from '../../dataplane/nftables/probe.ts';
import { NftTools } from '../../dataplane/nftables/tools.ts';
import type { Capabilities } from '../../node-facts.ts';
import { readingExec } from './reading-exec.ts';
import type { KernelState } from './view.ts';

/** What a node's kernel has of one family, and can do. */
export interface FoundFamily extends KernelState {
  readonly capabilities: Capabilities;
}

/** Where the rules are read that desired ones are compared with. */
export interface RuleSource {
  /** What they are, for the head of a difference: `kernel of node-1`. */
  readonly name: string;
  /** The families that it has anything of, of those of the settings. */
  readonly families: readonly Family[];
  /** @throws DataplaneError */
  read(family: Family, signal: AbortSignal): Promise<FoundFamily>;
  /** Of the node's interfaces; undefined: nothing known. @throws DataplaneError, ExecError */
  localAddresses(signal: AbortSignal): Promise<readonly Address[] | undefined>;
}

/** The kernel of this node. Writes nothing to it. */
export function liveKernel(settings: Settings, exec: Exec, families: readonly Family[]): RuleSource {
  const reading = readingExec(exec);
  let backend: Promise<Backend> | undefined;
  const iptables = async (family: Family, signal: AbortSignal): Promise<IptablesTools> => {
    const { iptablesBackend } = settings;
    backend ??=
      iptablesBackend === 'auto' ? detectBackend(reading, signal) : Promise.resolve(iptablesBackend);
    return new IptablesTools(family, await backend, reading);
  };
  return {
    name: `the kernel of ${settings.nodeName}`,
    families,
    localAddresses: (signal) => readLocalAddresses(reading, signal),
    async read(family, signal) {
      switch (settings.mode) {
        case 'iptables':
          return await readIptables(await iptables(family, signal), reading, signal);
        case 'ipvs':
          return await readIpvs(await iptables(family, signal), reading, settings, signal);
        case 'nftables':
          return await readNftables(family, reading, settings, signal);
      }
    },
  };
}

async function readIptables(tools: IptablesTools, exec: Exec, signal: AbortSignal): Promise<FoundFamily> {
  const tables = await tools.save(signal);
  const ledger = adoptIptables(tables);
  const nfacct = await ensureNfacctObjects(exec, signal);
  return { ledger, tables, capabilities: await probeCapabilities(tools, ledger, nfacct, signal) };
}

async function readIpvs(
  iptables: IptablesTools,
  exec: Exec,
  { config }: Settings,
  signal: AbortSignal,
): Promise<FoundFamily> {
  const tools = new IpvsTools(exec);
  const [virtuals, sets, addresses = [], tables] = await Promise.all([
    tools.virtuals(signal),
    tools.sets(signal),
    tools.addresses(signal),
    iptables.save(signal),
  ]);
  const ledger = adoptIpvs({ virtuals, sets, addresses, tables }, iptables.family, config.ipvs.excludeCIDRs);
  const capabilities = await probeCapabilities(iptables, asIptables(ledger), false, signal);
  return { ledger, tables, capabilities };
}

async function readNftables(
  family: Family,
  exec: Exec,
  settings: Settings,
  signal: AbortSignal,
): Promise<FoundFamily> {
  const tools = new NftTools(family, { exec, path: nftPath(settings.nftPath) });
  requireVersion(await tools.version(signal));
  const capabilities = await probeNftables(tools, signal);
  // Adoption takes a table that cannot be listed for one to write anew, which here would be a difference.
  return { ledger: await new NftablesDataplane(tools).verify(signal), tables: [], capabilities };
}

/** What tells of capabilities in ipvs mode, by the keys of iptables mode. */
export function asIptables(ledger: Ledger): Ledger {
  const text = ledger.get('chain nat KUBE-POSTROUTING');
  return new Map(text === undefined ? [] : [['nat:KUBE-POSTROUTING', text]]);
}
