import { describe, expect, it } from 'vitest';
import { parseSave } from '../../../rules/iptables/save.ts';
import type { Cidr } from '../../../rules/model.ts';
import { closedElsewhere, forwards, type PodTraffic } from '../../../src/cli/doctor/node/forward.ts';
import { type Case, expectResult } from './outcome.ts';

/** What a proxy has there: none of it accepts what Pods begin. */
const PROXY = `-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL
-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD
-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x4000/0x4000 -j ACCEPT
-A KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A KUBE-SERVICES -d 10.96.0.18/32 -p tcp -m comment --comment "default/empty has no endpoints" -m tcp --dport 80 -j REJECT --reject-with icmp-port-unreachable`;

const PODS: PodTraffic = {
  networks: ['10.244.0.0/16' as Cidr, 'fd00:10:244::/56' as Cidr],
  interfaces: ['cni0'],
};

function save(policy: string, ...more: readonly string[]): string {
  const rules = [PROXY, ...more].join('\n');
  const chains = new Set(
    [...rules.matchAll(/^-[AI] (\S+)|-j ([A-Z]+-\S+)/gm)].map(([, a, b]) => a ?? b ?? ''),
  );
  chains.delete('FORWARD');
  const others = [...chains].map((name) => `:${name} - [0:0]\n`).join('');
  return `*filter\n:FORWARD ${policy} [0:0]\n${others}${rules}\nCOMMIT\n`;
}

const walk =
  (policy: string, rules: readonly string[] = [], pods = PODS) =>
  () =>
    forwards([{ family: 'ipv4', tool: 'iptables-nft', tables: parseSave(save(policy, ...rules)) }], pods);

describe('FORWARD with', () => {
  it.each<Case>([
    ['policy ACCEPT', walk('ACCEPT'), 'ok', 'policy ACCEPT'],
    [
      'policy DROP',
      walk('DROP'),
      'failed',
      'iptables-nft: the policy of FORWARD is DROP, and no rule accepts what Pods send',
    ],
    [
      "policy DROP and Docker's rules",
      walk('DROP', [
        '-A FORWARD -j DOCKER-USER',
        '-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
        '-A FORWARD -i docker0 ! -o docker0 -j ACCEPT',
        '-A FORWARD -i docker0 -o docker0 -j ACCEPT',
        '-A DOCKER-USER -j RETURN',
      ]),
      'failed',
      /policy of FORWARD is DROP/,
    ],
    [
      "policy DROP and flannel's rules",
      walk('DROP', [
        '-A FORWARD -m comment --comment "flanneld forward" -j FLANNEL-FWD',
        '-A FLANNEL-FWD -s 10.244.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT',
      ]),
      'ok',
      /policy DROP, but "-s 10.244.0.0\/16 .*-j ACCEPT" lets Pods through$/,
    ],
    [
      'policy DROP and a rule for the bridge',
      walk('DROP', ['-A FORWARD -i cni0 -j ACCEPT']),
      'ok',
      /-i cni0/,
    ],
    [
      'policy DROP and a network policy that marks what it lets through',
      walk('DROP', [
        '-A FORWARD -m comment --comment "cali:wUHhoiAYhphO9Mso" -j cali-FORWARD',
        '-A FORWARD -m comment --comment "cali:S93hcgKJrXEqnTfs" -m mark --mark 0x10000/0x10000 -j ACCEPT',
        '-A cali-FORWARD -i cali+ -j MARK --set-xmark 0x10000/0x10000',
      ]),
      'warning',
      /no rule accepts all that Pods send/,
    ],
    [
      'policy DROP and a rule for another network',
      walk('DROP', ['-A FORWARD -s 192.168.0.0/16 -j ACCEPT']),
      'failed',
      /no rule accepts/,
    ],
    [
      'policy DROP and a rule for everything',
      walk('DROP', ['-A FORWARD -m comment --comment "open -j DROP" -j ACCEPT']),
      'ok',
      /open/,
    ],
    [
      'policy DROP and a chain that only some packets come to',
      walk('DROP', ['-A FORWARD -p icmp -j OK-ALL', '-A OK-ALL -j ACCEPT']),
      'failed',
      'iptables-nft: the policy of FORWARD is DROP, and no rule accepts all that Pods send',
    ],
    [
      'policy DROP and a chain that first some packets come to, then all',
      walk('DROP', ['-A FORWARD -p icmp -j OK-ALL', '-A FORWARD -j OK-ALL', '-A OK-ALL -j ACCEPT']),
      'ok',
      /-j ACCEPT/,
    ],
    [
      'policy DROP and a rule for one port of one Pod',
      walk('DROP', ['-A FORWARD -s 10.244.1.5/32 -p tcp -m tcp --dport 443 -j ACCEPT']),
      'failed',
      /no rule accepts all that Pods send/,
    ],
    [
      'policy DROP and a rule for one Pod',
      walk('DROP', ['-A FORWARD -s 10.244.1.5/32 -j ACCEPT']),
      'failed',
      /no rule accepts all that Pods send/,
    ],
    [
      "policy DROP and a rule for one port of the Pods' network",
      walk('DROP', ['-A FORWARD -s 10.244.0.0/16 -p tcp -m tcp --dport 443 -j ACCEPT']),
      'failed',
      /no rule accepts all that Pods send/,
    ],
    [
      'policy DROP and a rule for some of what a bridge carries',
      walk('DROP', ['-A FORWARD -i cni0 -p udp -j ACCEPT']),
      'failed',
      /no rule accepts all that Pods send/,
    ],
    [
      'policy DROP and a rule for a wider network, in states that new connections have',
      walk('DROP', ['-A FORWARD -d 10.0.0.0/8 -m conntrack ! --ctstate INVALID -j ACCEPT']),
      'ok',
      /-d 10.0.0.0\/8/,
    ],
    [
      'policy DROP and a rule for all but another network',
      walk('DROP', ['-A FORWARD ! -s 192.168.0.0/16 ! -i wg0 -j ACCEPT']),
      'ok',
      /! -s 192.168.0.0\/16/,
    ],
    [
      'a chain that closes some ports',
      walk('ACCEPT', ['-A FORWARD -p tcp -m tcp --dport 25 -j NO-MAIL', '-A NO-MAIL -j DROP']),
      'ok',
      'policy ACCEPT',
    ],
    [
      "a closing rule for the Pods' network",
      walk('ACCEPT', ['-A FORWARD -s 10.244.0.0/16 -j DROP']),
      'failed',
      /"-A FORWARD -s 10.244.0.0\/16 -j DROP" ends/,
    ],
    [
      'a goto to a chain that decides nothing, before a closing rule',
      walk('ACCEPT', ['-A FORWARD -g LOG-ALL', '-A FORWARD -j DROP', '-A LOG-ALL -j RETURN']),
      'ok',
      'policy ACCEPT',
    ],
    [
      'a closing rule',
      walk('ACCEPT', ['-A FORWARD -j REJECT --reject-with icmp-host-prohibited']),
      'failed',
      /^iptables-nft: "-A FORWARD -j REJECT --reject-with icmp-host-prohibited" ends/,
    ],
    [
      'a closing rule behind an open one',
      walk('ACCEPT', ['-A FORWARD -s 10.0.0.0/8 -j ACCEPT', '-A FORWARD -j DROP']),
      'ok',
      'policy ACCEPT',
    ],
    [
      'a closing rule in a chain of its own',
      walk('ACCEPT', ['-A FORWARD -j firewall-FWD', '-A firewall-FWD -j DROP']),
      'failed',
      /-A firewall-FWD -j DROP/,
    ],
    [
      'a closing rule for one source',
      walk('ACCEPT', ['-A FORWARD -s 203.0.113.9/32 -j DROP']),
      'ok',
      'policy ACCEPT',
    ],
    [
      "policy DROP, where Pods' networks are unknown",
      walk('DROP', ['-A FORWARD -s 10.0.0.0/8 -j ACCEPT'], { networks: [], interfaces: [] }),
      'warning',
      /no rule accepts/,
    ],
    [
      "a closing rule behind one that may be for Pods, where Pods' networks are unknown",
      walk('ACCEPT', ['-A FORWARD -s 10.0.0.0/8 -j ACCEPT', '-A FORWARD -j DROP'], {
        networks: [],
        interfaces: [],
      }),
      'warning',
      /-A FORWARD -j DROP/,
    ],
    [
      'chains in a circle',
      walk('DROP', ['-A FORWARD -j A-A', '-A A-A -j B-B', '-A B-B -j A-A']),
      'failed',
      /no rule accepts/,
    ],
  ])('%s', expectResult);

  it('names the family and the backend that drop', () => {
    const { evidence, advice } = forwards(
      [
        { family: 'ipv4', tool: 'iptables-nft', tables: parseSave(save('ACCEPT')) },
        { family: 'ipv6', tool: 'ip6tables-legacy', tables: parseSave(save('DROP')) },
      ],
      PODS,
    );
    expect(evidence).toContain('ip6tables-legacy (IPv6): the policy');
    expect(advice).toContain('ip6tables-legacy -I FORWARD -s fd00:10:244::/56 -j ACCEPT');
  });

  it("warns of other programs' chains that drop", () => {
    expect(closedElsewhere([])).toBeUndefined();
    expect(closedElsewhere(['inet filter forward'])).toMatchObject({
      status: 'warning',
      evidence: expect.stringContaining('inet filter forward'),
    });
  });
});
