import { describe, expect, it } from 'vitest';
import { readIpvsRules, traceIpvs } from '../../../rules/trace/ipvs.ts';
import type { Packet } from '../../../rules/trace/packet.ts';
import { brief } from './brief.ts';
import { expected, HOST, OUTSIDE, OWN, POD, packet, STRANGER } from './packets.ts';

function corpus(name: string) {
  return readIpvsRules({
    ipvsadm: expected(name, 'ipvs/ipvsadm.txt'),
    ipset: expected(name, 'ipvs/ipset.txt'),
    addresses: expected(name, 'ipvs/addresses.txt'),
    save: expected(name, 'ipvs/iptables-save.txt'),
  });
}

describe('of what kube-proxy itself has programmed, it finds', () => {
  const rows: readonly [what: string, name: string, packet: Packet, outcomes: readonly string[]][] = [
    [
      'endpoints in equal shares, and the Pod that reaches itself masqueraded',
      'source-ranges',
      packet(POD, '10.96.13.1', 80),
      ['0.50 endpoint 10.244.0.5:8080 masqueraded', '0.50 endpoint 10.244.1.6:8080'],
    ],
    [
      'the node itself, which sends from the cluster IP, masqueraded',
      'source-ranges',
      packet(['10.96.13.1', undefined], '10.96.13.1', 80),
      ['0.50 endpoint 10.244.0.5:8080 masqueraded', '0.50 endpoint 10.244.1.6:8080 masqueraded'],
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
      'and for the node, that would send from the address of the load balancer',
      'source-ranges',
      packet(['203.0.113.31', undefined], '203.0.113.31', 80),
      ['1.00 drop 203.0.113.31:80'],
    ],
    [
      'refusal without real servers',
      'source-ranges',
      packet(POD, '10.96.13.5', 80),
      ['1.00 reject 10.96.13.5:80'],
    ],
    [
      'refusal at another port of a cluster IP, which is an address of the node here',
      'source-ranges',
      packet(POD, '10.96.13.1', 22),
      ['1.00 reject 10.96.13.1:22'],
    ],
    [
      'node ports at the address of the node',
      'source-ranges',
      packet(OUTSIDE, '172.18.0.2', 31301),
      ['0.50 endpoint 10.244.0.5:8080 masqueraded', '0.50 endpoint 10.244.1.6:8080 masqueraded'],
    ],
    [
      'and none at 127.0.0.1',
      'source-ranges',
      packet(['127.0.0.1', undefined], '127.0.0.1', 31301),
      ['1.00 pass 127.0.0.1:31301'],
    ],
    [
      'the local endpoint with the client as it is, under the policy Local',
      'external-policy-local',
      packet(OUTSIDE, '203.0.113.50', 80),
      ['1.00 endpoint 10.244.0.5:8080'],
    ],
    [
      'persistence',
      'session-affinity',
      packet(OUTSIDE, '10.96.18.1', 80),
      [
        '0.33 endpoint 10.244.0.5:8080 masqueraded for 10800 s',
        '0.33 endpoint 10.244.1.6:8080 masqueraded for 10800 s',
        '0.33 endpoint 10.244.1.7:8080 masqueraded for 10800 s',
      ],
    ],
    [
      'what is none of its business',
      'source-ranges',
      packet(OWN, '198.51.100.99', 80),
      ['1.00 pass 198.51.100.99:80'],
    ],
  ];
  it.each(rows)('%s', (_, name, sent, outcomes) => {
    expect(traceIpvs(corpus(name), sent, HOST).map(brief)).toEqual(outcomes);
  });
});

/** A virtual server with these real servers. */
function virtual(...reals: readonly string[]) {
  const lines = ['-A -t 10.96.0.9:80 -s wrr', ...reals.map((real) => `-a -t 10.96.0.9:80 -r ${real}`)];
  return readIpvsRules({
    ipvsadm: `${lines.join('\n')}\n`,
    ipset: '',
    addresses: '[{"ifname":"kube-ipvs0","addr_info":[{"local":"10.96.0.9","prefixlen":32}]}]',
    save: '',
  });
}

it('gives real servers shares by their weight, and nothing to one that drains', () => {
  const rules = virtual('10.244.0.5:80 -m -w 3', '10.244.0.6:80 -m -w 1', '10.244.0.7:80 -m -w 0');
  expect(traceIpvs(rules, packet(POD, '10.96.0.9', 80), HOST).map(brief)).toEqual([
    '0.75 endpoint 10.244.0.5:80',
    '0.25 endpoint 10.244.0.6:80',
  ]);
});

it('refuses where all servers drain', () => {
  const [outcome] = traceIpvs(virtual('10.244.0.7:80 -m -w 0'), packet(POD, '10.96.0.9', 80), HOST);
  expect(outcome).toMatchObject({
    verdict: 'reject',
    steps: [{ table: 'ipvs', chain: 'TCP 10.96.0.9:80 wrr', rule: 'no real server of a weight above 0' }],
  });
});
