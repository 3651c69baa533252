import { expect, it } from 'vitest';
import { corpusCases } from '../../lab/corpus.ts';
import { compileCluster } from '../../lab/vm/ipvs-case.ts';

const [local] = (await corpusCases()).filter(({ name }) => name === 'external-policy-local');
if (!local) throw new Error('the case is not in the corpus');
const { cluster, config, addresses } = local;

function healthCheckPorts(localAddresses: readonly string[]): readonly string[] {
  const { rulesets } = compileCluster([`--from=${cluster}`, `--config=${config}`], localAddresses);
  const keys = [...(rulesets.get('ipv4')?.keys() ?? [])];
  return keys.filter((key) => key.startsWith('entry KUBE-HEALTH-CHECK-NODE-PORT '));
}

it('lets health checks in where node ports answer', () => {
  expect(healthCheckPorts(addresses.map(({ address }) => address))).not.toEqual([]);
});

it('opens no port for health checks where the family has no address for node ports, as kube-proxy does', () => {
  expect(healthCheckPorts([])).toEqual([]);
});
