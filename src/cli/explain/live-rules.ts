import { printSave } from '../../../rules/iptables/save.ts';
import type { Address, Family } from '../../../rules/model.ts';
import type { Settings } from '../../config/settings.ts';
import { DataplaneError } from '../../dataplane/dataplane.ts';
import { type Exec, ExecError } from '../../dataplane/exec.ts';
import { detectBackend, IptablesTools } from '../../dataplane/iptables/tools.ts';
import { INTERFACE, IpvsTools } from '../../dataplane/ipvs/tools.ts';
import { nftPath } from '../../dataplane/nftables/path.ts';
import { NftTools } from '../../dataplane/nftables/tools.ts';
import type { RuleTexts } from '../diff/rule-texts.ts';

/**
 * The rules in this node's kernel, as the tools of the settings' mode print them; those of other programs too, but for
 * other tables of nftables. Only reads.
 * @throws DataplaneError where a tool is missing or fails
 */
export async function readLiveRules(
  settings: Settings,
  families: readonly Family[],
  exec: Exec,
  signal: AbortSignal,
): Promise<RuleTexts> {
  const texts = {
    save: { ipv4: '', ipv6: '' },
    nft: { ipv4: '', ipv6: '' },
    ipvsadm: '',
    ipset: '',
    addresses: '',
  };
  if (settings.mode === 'nftables') {
    for (const family of families) texts.nft[family] = await readTable(settings, family, exec, signal);
    return texts;
  }
  const { iptablesBackend } = settings;
  const backend = iptablesBackend === 'auto' ? await detectBackend(exec, signal) : iptablesBackend;
  for (const family of families) {
    texts.save[family] = printSave(await new IptablesTools(family, backend, exec).save(signal));
  }
  if (settings.mode === 'iptables') return texts;
  const tools = new IpvsTools(exec);
  texts.ipvsadm = (await tools.run('ipvsadm', ['-Sn'], signal)).stdout;
  texts.ipset = (await tools.run('ipset', ['save'], signal)).stdout;
  texts.addresses = (await tools.run('ip', ['-j', 'address', 'show', 'dev', INTERFACE], signal)).stdout;
  return texts;
}

async function readTable(
  settings: Settings,
  family: Family,
  exec: Exec,
  signal: AbortSignal,
): Promise<string> {
  const tools = new NftTools(family, { exec, path: nftPath(settings.nftPath) });
  const text = await tools.list(signal);
  if (text === undefined) throw new DataplaneError('environment', `nft cannot list table ${tools.table}`);
  return text;
}

/** What the kernel of this node says of the way to an address. */
export interface Route {
  readonly interface: string | undefined;
  /** The source address of what the node itself sends there. */
  readonly source: string | undefined;
}

/** @returns undefined where there is no route, or no way to ask for one */
export async function readRoute(
  address: Address,
  exec: Exec,
  signal: AbortSignal,
): Promise<Route | undefined> {
  try {
    const { exitCode, stdout } = await exec.run('ip', ['-o', 'route', 'get', address], { signal });
    if (exitCode !== 0) return undefined;
    const wordAfter = (word: string) => new RegExp(`\\b${word} (\\S+)`).exec(stdout)?.[1];
    return { interface: wordAfter('dev'), source: wordAfter('src') };
  } catch (error) {
    if (error instanceof ExecError && error.code === 'missing') return undefined;
    throw error;
  }
}
