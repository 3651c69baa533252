import { describe, expect, it } from 'vitest';
import type { Address } from '../../../rules/model.ts';
import { readIptablesRules, traceIptables } from '../../../rules/trace/iptables.ts';
import type { Packet } from '../../../rules/trace/packet.ts';
import { brief } from './brief.ts';
import { expected, HOST, OUTSIDE, OWN, POD, packet, STRANGER } from './packets.ts';

describe('of what kube-proxy itself has programmed, it finds', () => {
  const rows: readonly [what: string, name: string, packet: Packet, outcomes: readonly string[]][] = [
    [
      'endpoints in equal shares, and the Pod that reaches itself masqueraded',
      'source-ranges',
      packet(POD, '10.96.13.1', 80),
      ['0.50 endpoint 10.244.0.5:8080 masqueraded', '0.50 endpoint 10.244.1.6:8080'],
    ],
    [
      'three of them with a third each',
      'clusterip-tcp',
      packet(POD, '10.96.1.175', 80),
      [
        '0.33 endpoint 10.244.0.5:9376 masqueraded',
        '0.33 endpoint 10.244.0.6:9376',
        '0.33 endpoint 10.244.0.7:9376',
      ],
    ],
    [
      'a load balancer open for its source ranges',
      'source-ranges',
      packet(OUTSIDE, '203.0.113.31', 80),
      ['0.50 endpoint 10.244.0.5:8080 masqueraded', '0.50 endpoint 10.244.1.6:8080 masqueraded'],
    ],
    [
      'and closed for others',
      'source-ranges',
      packet(STRANGER, '203.0.113.31', 80),
      ['1.00 drop 203.0.113.31:80'],
    ],
    [
      'refusal without endpoints',
      'source-ranges',
      packet(POD, '10.96.13.5', 80),
      ['1.00 reject 10.96.13.5:80'],
    ],
    [
      'the local endpoint with the client as it is, under the policy Local',
      'external-policy-local',
      packet(OUTSIDE, '203.0.113.50', 80),
      ['1.00 endpoint 10.244.0.5:8080'],
    ],
    [
      'all endpoints for the node itself, under the policy Local',
      'external-policy-local',
      packet(OWN, '203.0.113.50', 80),
      ['0.50 endpoint 10.244.0.5:8080 masqueraded', '0.50 endpoint 10.244.1.6:8080 masqueraded'],
    ],
    [
      'silence where the policy Local finds no endpoint here',
      'external-policy-local',
      packet(OUTSIDE, '203.0.113.51', 80),
      ['1.00 drop 203.0.113.51:80'],
    ],
    [
      'no rule for another port of a cluster IP',
      'source-ranges',
      packet(OWN, '10.96.13.1', 81),
      ['1.00 pass 10.96.13.1:81'],
    ],
    [
      'that neighbours do not reach 127.0.0.1',
      'source-ranges',
      packet(STRANGER, '127.0.0.1', 4040),
      ['1.00 drop 127.0.0.1:4040'],
    ],
    [
      'session affinity, for a client that comes for the first time',
      'session-affinity',
      packet(OUTSIDE, '10.96.18.1', 80),
      [
        '0.33 endpoint 10.244.0.5:8080 masqueraded for 10800 s',
        '0.33 endpoint 10.244.1.6:8080 masqueraded for 10800 s',
        '0.33 endpoint 10.244.1.7:8080 masqueraded for 10800 s',
      ],
    ],
  ];
  it.each(rows)('%s', (_, name, sent, outcomes) => {
    const rules = readIptablesRules(expected(name, 'iptables-save.txt'));
    expect(traceIptables(rules, sent, HOST).map(brief)).toEqual(outcomes);
  });
});

it('gives each of fifty endpoints exactly a fiftieth', () => {
  const rules = readIptablesRules(expected('endpoint-counts', 'iptables-save.txt'));
  const trace = traceIptables(rules, packet(POD, '10.96.6.50', 80), HOST);
  expect(trace).toHaveLength(50);
  expect(new Set(trace.map(({ share }) => share))).toEqual(new Set([1 / 50]));
});

/** What becomes of a Pod's packet in chains that somebody has written. */
function outcomesIn(rules: string, sent = packet(POD, '198.51.100.9', 80)): readonly string[] {
  return traceIptables(readIptablesRules(rules), sent, HOST).map(brief);
}

const HEAD = '*filter\n:FORWARD ACCEPT [0:0]\n:MINE - [0:0]\n';

describe('of rules that others have written, it knows', () => {
  const rows: readonly [what: string, rules: string, outcomes: readonly string[]][] = [
    ['the policy of a chain', '*filter\n:FORWARD DROP [0:0]\nCOMMIT\n', ['1.00 drop 198.51.100.9:80']],
    [
      'what returns from a chain, and what is sent on by -g',
      `${HEAD}:YOURS - [0:0]\n-A FORWARD -j MINE\n-A FORWARD -j DROP\n-A MINE -g YOURS\n-A MINE -j ACCEPT\n-A YOURS -j RETURN\nCOMMIT\n`,
      ['1.00 drop 198.51.100.9:80'],
    ],
    [
      'ports in lists and ranges',
      `${HEAD}-A FORWARD -p tcp -m multiport --dports 22,79:81 -j REJECT --reject-with tcp-reset\nCOMMIT\n`,
      ['1.00 reject 198.51.100.9:80'],
    ],
    [
      'marks that are set, saved and restored',
      `*mangle\n:PREROUTING ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n-A PREROUTING -i cni0 -j MARK --set-xmark 0x30/0x30\n` +
        '-A PREROUTING -j CONNMARK --save-mark --nfmask 0x10 --ctmask 0x10\n-A PREROUTING -j MARK --set-xmark 0x0/0xffffffff\n' +
        '-A PREROUTING -j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff\nCOMMIT\n' +
        `${HEAD}-A FORWARD -m mark --mark 0x10 -j DROP\nCOMMIT\n`,
      ['1.00 drop 198.51.100.9:80'],
    ],
    [
      'chance that parts ways, and chance that changes nothing',
      `${HEAD}-A FORWARD -m statistic --mode random --probability 0.25000000000 -j MINE\n` +
        '-A FORWARD -m statistic --mode nth --every 4 --packet 0 -j DROP\nCOMMIT\n',
      ['0.75 pass 198.51.100.9:80', '0.25 drop 198.51.100.9:80'],
    ],
    [
      "a CNI plugin's masquerading",
      '*nat\n:POSTROUTING ACCEPT [0:0]\n:CNI - [0:0]\n-A POSTROUTING -s 10.244.0.0/16 -j CNI\n' +
        '-A CNI -d 10.244.0.0/16 -j ACCEPT\n-A CNI ! -d 224.0.0.0/4 -j MASQUERADE\nCOMMIT\n',
      ['1.00 pass 198.51.100.9:80 masqueraded'],
    ],
    [
      'where a packet was going at first',
      '*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -d 198.51.100.9/32 -j DNAT --to-destination 10.244.0.8\nCOMMIT\n' +
        `${HEAD}-A FORWARD -d 10.244.0.8/32 -m conntrack --ctstate DNAT --ctorigdst 198.51.100.9 --ctorigdstport 80 -j DROP\nCOMMIT\n`,
      ['1.00 drop 198.51.100.9:80'],
    ],
  ];
  it.each(rows)('%s', (_, rules, outcomes) => {
    expect(outcomesIn(rules)).toEqual(outcomes);
  });
});

describe('what it does not know it takes not to match, and says so', () => {
  const rows: readonly [what: string, rule: string, doubt: string][] = [
    ['a match', '-d 198.51.100.9/32 -m u32 --u32 "6&0xFF=1" -j DROP', '-m u32 --u32 6&0xFF=1'],
    [
      'a set whose members are not there',
      '-m set --match-set blocked src -j DROP',
      '-m set --match-set blocked src',
    ],
    ['the interface by which the packet leaves', '-o eth7 -j DROP', '-o eth7'],
    ['a target', '-j SYNPROXY', 'target SYNPROXY'],
  ];
  it.each(rows)('%s', (_, rule, doubt) => {
    const rules = readIptablesRules(`${HEAD}-A FORWARD ${rule}\nCOMMIT\n`);
    const [outcome, ...others] = traceIptables(rules, packet(POD, '198.51.100.9', 80), HOST);
    expect(others).toEqual([]);
    expect(outcome).toMatchObject({ verdict: 'pass', steps: [{ rule, doubt }] });
  });

  it('but not where the rest of the rule tells that it does not', () => {
    const rules = readIptablesRules(`${HEAD}-A FORWARD -s 10.9.9.9/32 -m u32 --u32 "0=1" -j DROP\nCOMMIT\n`);
    expect(traceIptables(rules, packet(POD, '198.51.100.9', 80), HOST)).toMatchObject([{ steps: [] }]);
  });
});

it('does not end in chains that call each other in a circle, which a file may have', () => {
  expect(outcomesIn(`${HEAD}-A FORWARD -j MINE\n-A MINE -j MINE\nCOMMIT\n`)).toEqual([
    '1.00 pass 198.51.100.9:80',
  ]);
});

it('tells each rule that matched, with what it did', () => {
  const rules = readIptablesRules(expected('source-ranges', 'iptables-save.txt'));
  const [first] = traceIptables(rules, packet(POD, '10.96.13.1', 80), HOST);
  expect(
    first?.steps.map(
      ({ hook, table, chain, depth, effect }) => `${hook} ${table} ${depth} ${chain}: ${effect}`,
    ),
  ).toEqual([
    'PREROUTING nat 0 PREROUTING: goes on in KUBE-SERVICES',
    'PREROUTING nat 1 KUBE-SERVICES: goes on in KUBE-SVC-MB4FMASW3EAPWLWH',
    'PREROUTING nat 2 KUBE-SVC-MB4FMASW3EAPWLWH: 1 of 2 by chance: goes on in KUBE-SEP-CBJTKKUDOBJCKTGN',
    'PREROUTING nat 3 KUBE-SEP-CBJTKKUDOBJCKTGN: goes on in KUBE-MARK-MASQ',
    'PREROUTING nat 4 KUBE-MARK-MASQ: mark 0x4000',
    'PREROUTING nat 3 KUBE-SEP-CBJTKKUDOBJCKTGN: the destination becomes 10.244.0.5:8080',
    'FORWARD filter 0 FORWARD: goes on in KUBE-PROXY-FIREWALL',
    'FORWARD filter 0 FORWARD: goes on in KUBE-FORWARD',
    'FORWARD filter 1 KUBE-FORWARD: accepted',
    'POSTROUTING nat 0 POSTROUTING: goes on in KUBE-POSTROUTING',
    'POSTROUTING nat 1 KUBE-POSTROUTING: mark 0x0',
    'POSTROUTING nat 1 KUBE-POSTROUTING: the source becomes an address of this node',
  ]);
});

it('delivers to an endpoint on the node itself without masquerading, which comes too late for it', () => {
  const rules =
    '*nat\n:PREROUTING ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n' +
    '-A PREROUTING -d 10.96.0.1/32 -j DNAT --to-destination 172.18.0.2:6443\n-A POSTROUTING -j MASQUERADE\nCOMMIT\n';
  expect(outcomesIn(rules, packet(OUTSIDE, '10.96.0.1', 443))).toEqual(['1.00 endpoint 172.18.0.2:6443']);
});

it('follows IPv6 as well', () => {
  const rules =
    '*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -s fd00::/8 -d fd00:10:96::1/128 -p tcp -j DNAT --to-destination [fd00:10:244::5]:8080\nCOMMIT\n';
  const [first] = traceIptables(
    readIptablesRules(rules),
    packet(['fd00::9', 'eth0'], 'fd00:10:96::1', 80),
    HOST,
  );
  expect(first).toMatchObject({ verdict: 'endpoint', destination: 'fd00:10:244::5' as Address, port: 8080 });
});
