import { describe, expect, it } from 'vitest';
import { readNftablesRules, traceNftables } from '../../../rules/trace/nftables.ts';
import { parseRule } from '../../../rules/trace/nftables-statements.ts';
import type { Packet } from '../../../rules/trace/packet.ts';
import { corpusCases } from '../../lab/corpus.ts';
import { brief } from './brief.ts';
import { expected, HOST, OUTSIDE, OWN, POD, packet, STRANGER } from './packets.ts';

function corpus(name: string, file = 'nftables.txt') {
  return readNftablesRules(expected(name, file));
}

describe('of what kube-proxy itself has programmed, it finds', () => {
  const rows: readonly {
    readonly what: string;
    readonly case: string;
    readonly packet: Packet;
    readonly outcomes: readonly string[];
  }[] = [
    {
      what: 'endpoints in equal shares, and the Pod that reaches itself masqueraded',
      case: 'source-ranges',
      packet: packet(POD, '10.96.13.1', 80),
      outcomes: ['0.50 endpoint 10.244.0.5:8080 masqueraded', '0.50 endpoint 10.244.1.6:8080'],
    },
    {
      what: 'traffic from outside to a cluster IP masqueraded',
      case: 'source-ranges',
      packet: packet(OUTSIDE, '10.96.13.1', 80),
      outcomes: ['0.50 endpoint 10.244.0.5:8080 masqueraded', '0.50 endpoint 10.244.1.6:8080 masqueraded'],
    },
    {
      what: 'a load balancer open for its source ranges',
      case: 'source-ranges',
      packet: packet(OUTSIDE, '203.0.113.31', 80),
      outcomes: ['0.50 endpoint 10.244.0.5:8080 masqueraded', '0.50 endpoint 10.244.1.6:8080 masqueraded'],
    },
    {
      what: 'and closed for others',
      case: 'source-ranges',
      packet: packet(STRANGER, '203.0.113.31', 80),
      outcomes: ['1.00 drop 203.0.113.31:80'],
    },
    {
      what: 'a Service without endpoints, which refuses',
      case: 'source-ranges',
      packet: packet(POD, '10.96.13.5', 80),
      outcomes: ['1.00 reject 10.96.13.5:80'],
    },
    {
      what: 'a node port without endpoints, which refuses',
      case: 'source-ranges',
      packet: packet(OUTSIDE, '172.18.0.2', 31305),
      outcomes: ['1.00 reject 172.18.0.2:31305'],
    },
    {
      what: 'a node port, which loopback does not have',
      case: 'source-ranges',
      packet: packet(['127.0.0.1', undefined], '127.0.0.1', 31301),
      outcomes: ['1.00 pass 127.0.0.1:31301'],
    },
    {
      what: 'a node port from outside',
      case: 'source-ranges',
      packet: packet(OUTSIDE, '172.18.0.2', 31303),
      outcomes: ['1.00 endpoint 10.244.0.9:8080 masqueraded'],
    },
    {
      what: 'another port of a cluster IP, which refuses',
      case: 'source-ranges',
      packet: packet(OWN, '10.96.13.1', 81),
      outcomes: ['1.00 reject 10.96.13.1:81'],
    },
    {
      what: 'a cluster IP that nobody has, which says nothing',
      case: 'source-ranges',
      packet: packet(POD, '10.96.99.99', 80),
      outcomes: ['1.00 drop 10.96.99.99:80'],
    },
    {
      what: 'nothing to do with other addresses',
      case: 'source-ranges',
      packet: packet(POD, '1.1.1.1', 443),
      outcomes: ['1.00 pass 1.1.1.1:443'],
    },
    {
      what: 'all endpoints for a client that session affinity does not know yet',
      case: 'session-affinity',
      packet: packet(POD, '10.96.18.1', 80),
      outcomes: [
        '0.33 endpoint 10.244.0.5:8080 masqueraded for 10800 s',
        '0.33 endpoint 10.244.1.6:8080 for 10800 s',
        '0.33 endpoint 10.244.1.7:8080 for 10800 s',
      ],
    },
    {
      what: 'UDP apart from TCP',
      case: 'session-affinity',
      packet: packet(POD, '10.96.18.1', 80, 'udp'),
      outcomes: ['1.00 reject 10.96.18.1:80'],
    },
    {
      what: 'the Local policy without a local endpoint, which drops what comes from outside',
      case: 'external-policy-local',
      packet: packet(OUTSIDE, '203.0.113.51', 80),
      outcomes: ['1.00 drop 203.0.113.51:80'],
    },
    {
      what: 'its node port dropped, too',
      case: 'external-policy-local',
      packet: packet(OUTSIDE, '172.18.0.2', 31501),
      outcomes: ['1.00 drop 172.18.0.2:31501'],
    },
    {
      what: 'what starts on the node masqueraded, and led to all endpoints',
      case: 'external-policy-local',
      packet: packet(OWN, '203.0.113.50', 80),
      outcomes: ['0.50 endpoint 10.244.0.5:8080 masqueraded', '0.50 endpoint 10.244.1.6:8080 masqueraded'],
    },
    {
      what: 'the Local policy with a local endpoint, which keeps the address of the client',
      case: 'external-policy-local',
      packet: packet(OUTSIDE, '203.0.113.50', 80),
      outcomes: ['1.00 endpoint 10.244.0.5:8080'],
    },
  ];

  it.each(rows)('$what', ({ case: name, packet: sent, outcomes }) => {
    expect(traceNftables(corpus(name), sent, HOST).map(brief)).toEqual(outcomes);
  });

  it('understands every rule', async () => {
    const unknown: string[] = [];
    for (const { name } of await corpusCases()) {
      for (const file of ['nftables.txt', 'nftables6.txt']) {
        const [table] = corpus(name, file).tables;
        expect(table?.baseChains, `${name} ${file}`).toHaveLength(8);
        const rules = [...(table?.chains.values() ?? [])].flatMap((text) => text.split('\n')).filter(Boolean);
        for (const statement of rules.flatMap(parseRule)) {
          if (statement.kind === 'unknown') unknown.push(`${name} ${file}: ${statement.text}`);
        }
      }
    }
    expect(unknown).toEqual([]);
  });
});

describe('of a table that somebody has written by hand, it', () => {
  const trace = (text: string, sent = packet(OUTSIDE, '198.51.100.1', 80)) =>
    traceNftables(readNftablesRules(text), sent, HOST);
  const filter = (rule: string, policy = 'accept') =>
    `table inet guest {\n\tchain fwd {\n\t\ttype filter hook forward priority filter; policy ${policy};\n\t\t${rule}\n\t}\n}\n`;

  it.each([
    ['tcp dport 80 drop', 'drop'],
    ['tcp dport { 22, 80-90 } counter packets 3 bytes 180 reject with tcp reset', 'reject'],
    ['udp dport 80 drop', 'pass'],
    ['th dport != 80 drop', 'pass'],
    ['ip daddr { 198.51.100.0/30, 203.0.113.7 } log prefix "no: " drop comment "nobody"', 'drop'],
    ['ip6 daddr != fd00::/8 drop', 'pass'],
    ['ip daddr . tcp dport { 198.51.100.0-198.51.100.9 . 1-1023 } drop', 'drop'],
    ['iifname "eth*" meta l4proto { tcp, udp } drop', 'drop'],
    ['iifname "cni0" drop', 'pass'],
    ['ct state established,related accept', 'pass'],
    ['ct state vmap { established : accept, new : drop }', 'drop'],
    ['fib daddr type != local drop', 'drop'],
    ['meta mark set 0x00000003 return', 'pass'],
    ['meta mark & 0x00000001 == 0x00000001 drop', 'pass'],
  ])('follows %s', (rule, verdict) => {
    expect(trace(filter(rule)).map((outcome) => outcome.verdict)).toEqual([verdict]);
  });

  it.each([
    ['oifname "eth1" drop', 'oifname'],
    ['limit rate over 5/second drop', 'limit rate over 5/second drop'],
    ['tcp dport 80 meta skuid 0 drop', 'meta skuid 0 drop'],
  ])('says that it cannot tell about %s', (rule, doubt) => {
    const [only, ...others] = trace(filter(rule));
    expect(others).toEqual([]);
    expect(only?.verdict).toBe('pass');
    expect(only?.steps).toEqual([
      {
        hook: 'FORWARD',
        table: 'guest',
        chain: 'fwd',
        depth: 0,
        rule,
        effect: 'taken not to match',
        doubt,
      },
    ]);
  });

  it('asks by which interface packets leave', () => {
    const rules = readNftablesRules(filter('oifname { "eth1", "eth2" } drop'));
    const verdicts = ['eth1', 'eth3'].map((name) => {
      const host = { ...HOST, interfaceTo: () => name };
      return traceNftables(rules, packet(OUTSIDE, '198.51.100.1', 80), host).map(({ verdict }) => verdict);
    });
    expect(verdicts).toEqual([['drop'], ['pass']]);
  });

  it('does not guess by which interface packets have come', () => {
    const [only] = trace(filter('iifname != "eth0" drop'), packet(['192.0.2.9', ''], '198.51.100.1', 80));
    expect(only?.verdict).toBe('pass');
    expect(only?.steps.map(({ doubt }) => doubt)).toEqual(['iifname']);
  });

  it('keeps what a rule has done until something in it does not match', () => {
    const chain = (rules: string) => filter(`meta mark set 0x00000001 udp dport 53 accept\n\t\t${rules}`);
    const [only] = trace(chain('meta mark 0x00000001 drop'));
    expect(only?.steps.map(({ effect }) => effect)).toEqual(['mark 0x1', 'dropped']);
  });

  it('knows what the policy of a chain does to the rest', () => {
    const [only] = trace(filter('udp dport 53 accept', 'drop'));
    expect(only?.verdict).toBe('drop');
    expect(only?.steps.at(-1)).toMatchObject({ chain: 'fwd', rule: 'policy drop', effect: 'dropped' });
  });

  it('goes through chains of one hook by their priorities, whatever their table', () => {
    const chain = (name: string, priority: string, rule: string) =>
      `\tchain ${name} {\n\t\ttype filter hook prerouting priority ${priority}; policy accept;\n\t\t${rule}\n\t}\n`;
    const table = (name: string, ...chains: readonly string[]) =>
      `table ip ${name} {\n${chains.join('\n')}}\n`;
    const texts = [
      table('one', chain('late', 'filter + 5', 'counter'), chain('first', '-200', 'counter')),
      table('other', chain('middle', 'dstnat - 10', 'counter')),
      table('other6', chain('never', 'filter', 'counter')).replace('table ip', 'table ip6'),
      table('asleep', chain('asleep', 'filter', 'drop')).replace('{\n', '{\n\tflags dormant\n'),
    ];
    const [only] = trace(texts.join(''));
    expect(only?.steps.map((step) => `${step.table} ${step.chain}`)).toEqual([
      'one first',
      'other middle',
      'one late',
    ]);
  });

  it('says what chance has to do with it', () => {
    const [first] = traceNftables(corpus('source-ranges'), packet(POD, '10.96.13.1', 80), HOST);
    expect(first?.steps.map(({ hook, depth, effect }) => `${hook} ${depth} ${effect}`)).toEqual([
      'PREROUTING 0 goes on in firewall-check',
      'PREROUTING 0 goes on in services',
      'PREROUTING 1 goes on in service-6B32DOFQ-default/outside/tcp/http',
      'PREROUTING 2 1 of 2 by chance: the destination becomes 10.244.0.5:8080',
      'FORWARD 0 goes on in service-endpoints-check',
      'FORWARD 0 goes on in cluster-ips-check',
      'POSTROUTING 0 goes on in masquerading',
      'POSTROUTING 1 the source becomes an address of this node',
    ]);
  });

  it('weighs what chance decides, and goes on where it decides nothing', () => {
    const map = '{ 0-1 : 10.0.0.1 . 8080, 2 : 10.0.0.2 . 8080 }';
    const nat = `table ip lb {\n\tchain dst {\n\t\ttype nat hook prerouting priority dstnat; policy accept;\n\t\tdnat ip to numgen random mod 4 map ${map}\n\t\tdnat to 10.0.0.3\n\t}\n}\n`;
    expect(trace(nat).map(brief)).toEqual([
      '0.50 endpoint 10.0.0.1:8080',
      '0.25 endpoint 10.0.0.2:8080',
      '0.25 endpoint 10.0.0.3:80',
    ]);
  });
});

it('finds nothing in the way where there are no rules', () => {
  expect(traceNftables(readNftablesRules(''), packet(POD, '10.96.13.1', 80), HOST).map(brief)).toEqual([
    '1.00 pass 10.96.13.1:80',
  ]);
});
