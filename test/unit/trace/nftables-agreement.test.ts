import fc from 'fast-check';
import { expect, it } from 'vitest';
import { endpointText } from '../../../rules/model.ts';
import { printTable } from '../../../rules/nftables/print.ts';
import { readNftablesRules, traceNftables } from '../../../rules/trace/nftables.ts';
import type { Outcome } from '../../../rules/trace/trace.ts';
import { cluster } from '../../fuzz/clusters.ts';
import { family, surroundings } from '../../fuzz/nodes.ts';
import { packetsTo } from '../../fuzz/packets.ts';
import { cleanTable, freshly } from '../../model/nftables-programming.ts';
import { nftOutcomes } from '../../model/nftables-walk.ts';

const scenario = family.chain((of) =>
  fc.record({ of: fc.constant(of), services: cluster, at: surroundings(of) }),
);

/** As the tests' own walker spells it. */
function spelled({ verdict, destination: address, port, masqueraded }: Outcome): string {
  if (verdict === 'drop' || verdict === 'reject') return verdict;
  const to = verdict === 'pass' ? verdict : endpointText({ address, port });
  return `${to}${masqueraded ? ' masqueraded' : ''}`;
}

it('finds in the text of a table what the model of the kernel does with it, whatever the cluster', () => {
  let looked = 0;
  fc.assert(
    fc.property(scenario, ({ of, services, at }) => {
      const programming = freshly(of, services, at);
      const table = cleanTable(programming);
      const rules = readNftablesRules(printTable(programming.desired.ruleset, of));
      const { localAddresses } = at.node;
      for (const destination of programming.destinations(at).values()) {
        for (const packet of packetsTo(destination)) {
          looked++;
          const trace = traceNftables(rules, { ...packet, sourcePort: 40_000 }, { localAddresses });
          expect(new Set(trace.map(spelled))).toEqual(nftOutcomes(table, packet, localAddresses));
          expect(trace.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1);
          expect(trace.flatMap(({ steps }) => steps).filter(({ doubt }) => doubt !== undefined)).toEqual([]);
        }
      }
    }),
    { numRuns: 150 },
  );
  expect(looked).toBeGreaterThan(500);
});
