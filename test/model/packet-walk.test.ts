import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { Address } from '../../rules/model.ts';
import { type Tables, tablesOf } from './iptables.ts';
import { type Packet, PacketWalk } from './packet-walk.ts';

const NODE = ['172.18.0.2', '127.0.0.1'] as Address[];
const walk = new PacketWalk(NODE);

/** What kube-proxy programmed for a case of the corpus. */
function corpus(name: string): Tables {
  const path = new URL(`../../fixtures/kube-proxy-1.36/${name}/expected/iptables-save.txt`, import.meta.url);
  return tablesOf(readFileSync(path, 'utf8'));
}

function packet(source: string, destination: string, port: number, from: string | undefined): Packet {
  return { source: source as Address, destination: destination as Address, port, protocol: 'tcp', from };
}

const POD = ['10.244.0.5', 'cni0'] as const;
const OUTSIDE = ['192.0.2.9', 'eth0'] as const;
const STRANGER = ['8.8.8.8', 'eth0'] as const;
const OWN = ['172.18.0.2', undefined] as const;

const rows: readonly {
  readonly what: string;
  readonly case: string;
  readonly from: readonly [string, string | undefined];
  readonly to: readonly [string, number];
  readonly outcomes: readonly string[];
}[] = [
  {
    what: 'a Pod that reaches itself by its Service is masqueraded on that way only',
    case: 'source-ranges',
    from: POD,
    to: ['10.96.13.1', 80],
    outcomes: ['10.244.0.5:8080 masqueraded', '10.244.1.6:8080'],
  },
  {
    what: 'traffic to a cluster IP from outside the pod network is masqueraded',
    case: 'source-ranges',
    from: OUTSIDE,
    to: ['10.96.13.1', 80],
    outcomes: ['10.244.0.5:8080 masqueraded', '10.244.1.6:8080 masqueraded'],
  },
  {
    what: 'a load balancer address is open for its source ranges',
    case: 'source-ranges',
    from: OUTSIDE,
    to: ['203.0.113.31', 80],
    outcomes: ['10.244.0.5:8080 masqueraded', '10.244.1.6:8080 masqueraded'],
  },
  {
    what: 'and for nobody else',
    case: 'source-ranges',
    from: STRANGER,
    to: ['203.0.113.31', 80],
    outcomes: ['DROP'],
  },
  {
    what: 'no endpoints: refused',
    case: 'source-ranges',
    from: POD,
    to: ['10.96.13.5', 80],
    outcomes: ['REJECT'],
  },
  {
    what: 'a node port by the node itself, at 127.0.0.1',
    case: 'source-ranges',
    from: ['127.0.0.1', undefined],
    to: ['127.0.0.1', 31301],
    outcomes: ['10.244.0.5:8080 masqueraded', '10.244.1.6:8080 masqueraded'],
  },
  {
    what: 'neighbours do not reach 127.0.0.1',
    case: 'source-ranges',
    from: STRANGER,
    to: ['127.0.0.1', 4040],
    outcomes: ['DROP'],
  },
  {
    what: 'nobody cares for another port of a cluster IP',
    case: 'source-ranges',
    from: OWN,
    to: ['10.96.13.1', 81],
    outcomes: ['pass'],
  },
  {
    what: 'every branch of session affinity',
    case: 'session-affinity',
    from: POD,
    to: ['10.96.18.1', 80],
    outcomes: ['10.244.0.5:8080 masqueraded', '10.244.1.6:8080', '10.244.1.7:8080'],
  },
];

it.each(rows)('$what', ({ case: name, from: [source, device], to: [destination, port], outcomes }) => {
  const found = walk.outcomes(corpus(name), packet(source, destination, port, device));
  expect([...found].sort()).toEqual(outcomes);
});

it('says so where it does not know a match, rather than guess', () => {
  const tables = tablesOf('*nat\n:PREROUTING ACCEPT\n-A PREROUTING -m ttl --ttl-eq 1 -j DROP\nCOMMIT\n');
  expect(() => walk.outcomes(tables, packet(...OUTSIDE_TO_CLUSTER))).toThrow('does not know -m ttl --ttl-eq');
});

const OUTSIDE_TO_CLUSTER = ['192.0.2.9', '10.96.13.1', 80, 'eth0'] as const;
