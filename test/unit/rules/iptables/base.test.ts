import { describe, expect, it } from 'vitest';
import { Ruleset } from '../../../../rules/fragment.ts';
import { compileBase } from '../../../../rules/iptables/base.ts';
import { compileServicePort } from '../../../../rules/iptables/compile.ts';
import { printRuleset } from '../../../../rules/iptables/print.ts';
import type { Address, NodeFacts, ProxySettings, ServicePortKey } from '../../../../rules/model.ts';
import { endpoint, nodeFacts, proxySettings, servicePort } from '../model-parts.ts';

/** The rules of the base and of one node port, in which a sign stands. */
function rulesWith(
  sign: string | RegExp,
  settings: Partial<ProxySettings>,
  node: Partial<NodeFacts> = {},
): readonly string[] {
  const of = [nodeFacts(node), proxySettings(settings)] as const;
  const ruleset = new Ruleset();
  ruleset.set('base' as ServicePortKey, compileBase(...of));
  const port = servicePort({ nodePort: 30080, endpoints: [endpoint('10.244.1.1')] });
  ruleset.set(port.key, compileServicePort(port, ...of, { endpointComments: true }));
  return printRuleset(ruleset)
    .split('\n')
    .filter((line) => line.startsWith('-A') && line.search(sign) >= 0);
}

describe('what the corpus does not show', () => {
  it('the highest mark bit', () => {
    expect(rulesWith(/--(set-x)?mark/, { masqueradeMark: 2 ** 31 })).toEqual([
      '-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x80000000/0x80000000 -j ACCEPT',
      '-A KUBE-MARK-MASQ -j MARK --set-xmark 0x80000000/0x80000000',
      '-A KUBE-POSTROUTING -m mark ! --mark 0x80000000/0x80000000 -j RETURN',
      '-A KUBE-POSTROUTING -j MARK --set-xmark 0x80000000/0x0',
    ]);
  });

  it('packets that conntrack calls invalid are left alone where it is liberal', () => {
    expect(rulesWith('INVALID', { conntrackTCPBeLiberal: true })).toEqual([]);
    expect(rulesWith('INVALID', { conntrackTCPBeLiberal: false })).toHaveLength(1);
  });

  it('nothing is counted where the kernel has no nfacct', () => {
    expect(rulesWith('nfacct', { nfacct: false })).toEqual([]);
    expect(rulesWith('INVALID', { nfacct: false })).toEqual([
      '-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP',
    ]);
    expect(rulesWith('nfacct', { nfacct: true })).toHaveLength(2);
  });

  it('source ports are not randomised where the kernel cannot', () => {
    expect(rulesWith('MASQUERADE', { randomFully: false })).toEqual([
      '-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE',
    ]);
  });

  it('no address of the node is in nodePortAddresses: node ports lead nowhere', () => {
    expect(
      rulesWith('-j KUBE-NODEPORTS', { nodePortAddresses: 'primary' }, { nodeIP: '198.51.100.1' as Address }),
    ).toEqual([expect.stringContaining('-A INPUT')]);
  });
});
