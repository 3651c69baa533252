import type { SavedTable } from '../../../../rules/iptables/save.ts';
import { nftPath } from '../../../dataplane/nftables/path.ts';
import { asObject, objects } from '../../../tracker/fields.ts';
import { NotAllowed, NotKnown, type Result } from '../check.ts';
import type { Facts } from '../facts.ts';
import { closedElsewhere, type ForwardRules, forwards } from './forward.ts';
import { BACKENDS, TOOLS } from './tools.ts';

/** Whether the packet filters let through what Pods send to each other. @throws NotKnown */
export async function forwardPolicy(facts: Facts): Promise<Result> {
  const rules: ForwardRules[] = [];
  let why = '';
  for (const backend of BACKENDS) {
    for (const family of await facts.families()) {
      const tables = await facts.saved(backend, family).catch((error: unknown): readonly SavedTable[] => {
        if (!(error instanceof NotKnown) || error instanceof NotAllowed) throw error;
        why ||= error.message;
        return [];
      });
      if (tables.length > 0) rules.push({ family, tool: `${TOOLS[family]}-${backend}`, tables });
    }
  }
  if (rules.length === 0 && why !== '') throw new NotKnown(why);
  const witness = await facts.cluster().catch(() => undefined);
  const networks = [...facts.settings.config.clusterCIDR, ...(witness?.node?.podCIDRs ?? [])];
  const bridges = await facts.bridges().catch(() => []);
  const result = forwards(rules, { networks, interfaces: bridges.map(({ name }) => name) });
  return result.status === 'ok' ? (closedElsewhere(await closedChains(facts)) ?? result) : result;
}

const NFT_TIMEOUT_MS = 3_000;

/** Chains of nftables in which forwarding ends unless a rule accepts it. Those of iptables are in other families. */
async function closedChains({ settings, ports, signal }: Facts): Promise<readonly string[]> {
  const options = { signal, timeout: NFT_TIMEOUT_MS };
  const run = ports.exec.run(nftPath(settings.nftPath), ['-j', 'list', 'chains', 'inet'], options);
  const { exitCode, stdout } = await run.catch(() => ({ exitCode: 1, stdout: '' }));
  if (exitCode !== 0) return [];
  return objects(asObject(JSON.parse(stdout))?.['nftables'])
    .map((entry) => asObject(entry['chain']) ?? {})
    .filter(({ hook, policy }) => hook === 'forward' && policy === 'drop')
    .map(({ table, name }) => `inet ${String(table)} ${String(name)}`);
}
