import { expect, test } from 'vitest';
import { probeCapabilities } from '../../../src/dataplane/iptables/capabilities.ts';
import { IptablesTools } from '../../../src/dataplane/iptables/tools.ts';

const HAIRPIN =
  '-m comment --comment "Kubernetes endpoints dst ip:port, source ip for solving hairpin purpose" -m set --match-set KUBE-LOOP-BACK dst,dst,src -j MASQUERADE';
const CLOSING = '-m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE';

/** What is found out on a node whose iptables knows --random-fully, and whose KUBE-POSTROUTING has these rules. */
async function found(rules: readonly string[]): Promise<{ randomFully: boolean; tried: number }> {
  let tried = 0;
  const exec = {
    run: async () => {
      tried++;
      return { exitCode: 0, stdout: '', stderr: '' };
    },
  };
  const ledger = new Map([['nat:KUBE-POSTROUTING', rules.join('\n')]]);
  const tools = new IptablesTools('ipv4', 'nft', exec);
  const { randomFully } = await probeCapabilities(tools, ledger, false, new AbortController().signal);
  return { randomFully, tried };
}

test.each([
  ['has --random-fully', [HAIRPIN, `${CLOSING} --random-fully`], true],
  ['has none', [HAIRPIN, CLOSING], false],
])('the masquerading rule that is there %s: taken as it is, nothing is tried', async (_, rules, expected) => {
  expect(await found(rules)).toEqual({ randomFully: expected, tried: expect.any(Number) });
  expect((await found(rules)).tried).toBe((await found([CLOSING])).tried);
});

test('the rule for hairpin traffic alone proves nothing: it is tried', async () => {
  expect((await found([HAIRPIN])).randomFully).toBe(true);
});
