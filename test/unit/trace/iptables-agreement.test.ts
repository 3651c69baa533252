import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { printRuleset } from '../../../rules/iptables/print.ts';
import type { Address } from '../../../rules/model.ts';
import { endpointText } from '../../../rules/model.ts';
import { readIptablesRules, traceIptables } from '../../../rules/trace/iptables.ts';
import type { Outcome } from '../../../rules/trace/trace.ts';
import { cluster } from '../../fuzz/clusters.ts';
import { family, surroundings } from '../../fuzz/nodes.ts';
import { destinationsOf, packetsTo } from '../../fuzz/packets.ts';
import { freshly } from '../../fuzz/programming.ts';
import { tablesOf } from '../../model/iptables.ts';
import { type Packet, PacketWalk } from '../../model/packet-walk.ts';

// The tests' own walk was written for the planner's tests: strict, without shares or steps. That two programs that
// share nothing but the reading of a rule come to the same is worth more than one of them.

const scenario = family.chain((of) =>
  fc.record({ of: fc.constant(of), services: cluster, at: surroundings(of) }),
);

/** As the tests' own walk spells it. */
function spelled({ verdict, destination: address, port, masqueraded }: Outcome): string {
  if (verdict === 'drop' || verdict === 'reject') return verdict.toUpperCase();
  return `${verdict === 'pass' ? verdict : endpointText({ address, port })}${masqueraded ? ' masqueraded' : ''}`;
}

function expectAgreement(text: string, packets: Iterable<Packet>, localAddresses: readonly Address[]): void {
  const rules = readIptablesRules(text);
  const tables = tablesOf(text);
  const walk = new PacketWalk(localAddresses);
  for (const packet of packets) {
    const trace = traceIptables(rules, { ...packet, sourcePort: 40_000 }, { localAddresses });
    expect(new Set(trace.map(spelled)), JSON.stringify(packet)).toEqual(walk.outcomes(tables, packet));
    expect(trace.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 12);
    expect(trace.flatMap(({ steps }) => steps).filter(({ doubt }) => doubt !== undefined)).toEqual([]);
  }
}

it('what explain finds in rules is what the tests of plans find in them, whatever the cluster', () => {
  let looked = 0;
  fc.assert(
    fc.property(scenario, ({ of, services, at }) => {
      const programming = freshly(of, services, at);
      const packets = [...destinationsOf(programming, of, at).values()].flatMap(packetsTo);
      looked += packets.length;
      expectAgreement(printRuleset(programming.desired.ruleset), packets, at.node.localAddresses);
    }),
    { numRuns: 80 },
  );
  expect(looked).toBeGreaterThan(500);
});

const CORPUS = new URL('../../../fixtures/kube-proxy-1.36/', import.meta.url);
const CASES = readdirSync(CORPUS, { withFileTypes: true }).filter((entry) => entry.isDirectory());

it.each(CASES.map(({ name }) => name))('and so it is for what kube-proxy programmed: %s', (name) => {
  const text = readFileSync(new URL(`${name}/expected/iptables-save.txt`, CORPUS), 'utf8');
  const places = [...text.matchAll(/-d (\S+)\/32 .*-p (tcp|udp|sctp) .*--dport (\d+)/g)].map(
    ([, address, protocol, port]) => ({ address, protocol, port }),
  );
  const nodePorts = [...text.matchAll(/-A KUBE-NODEPORTS -p (tcp|udp|sctp) .*--dport (\d+)/g)].flatMap(
    ([, protocol, port]) => ['172.18.0.2', '127.0.0.1'].map((address) => ({ address, protocol, port })),
  );
  const senders = [
    ['10.244.0.5', 'cni0'],
    ['10.244.0.5', 'br0'],
    ['192.0.2.9', 'eth0'],
    ['8.8.8.8', 'eth0'],
    ['172.18.0.2', undefined],
  ] as const;
  const packets = [...places, ...nodePorts].flatMap(({ address, protocol, port }) =>
    senders.map(
      ([source, from]): Packet => ({
        source: source as Address,
        destination: address as Address,
        protocol: protocol as Packet['protocol'],
        port: Number(port),
        from,
      }),
    ),
  );
  expectAgreement(text, packets, ['172.18.0.2', '127.0.0.1'] as Address[]);
});
