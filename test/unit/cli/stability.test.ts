import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { load } from 'js-yaml';
import { describe, expect, test } from 'vitest';
import { readObjects } from '../../../src/cluster/files.ts';
import { CORPUS, dryRun } from './fairlead.ts';
import { manifest, node, service, slice } from './manifests.ts';
import { linesOf, type Outcome, outcome, outcomeOf } from './outcome.ts';

function run(objects: readonly unknown[]): Outcome {
  return outcome((tracker, warn) => {
    for (const { kind, object } of readObjects(manifest(objects), 'cluster.json', warn))
      tracker.upsert(kind, object);
  });
}

function corpusObjects(name: string): readonly unknown[] {
  const list = load(readFileSync(join(CORPUS, name, 'cluster.yaml'), 'utf8'));
  return (list as { items: unknown[] }).items;
}

describe('a dry run is the same', () => {
  test('each time', async () => {
    const args = ['--from', join(CORPUS, 'many-slices', 'cluster.yaml')];
    expect(await dryRun(args)).toEqual(await dryRun(args));
  });

  const clusters = ['many-slices', 'protocols', 'source-ranges', 'dual-stack', 'external-ips'] as const;

  test.each(clusters)('in whatever order the objects of %s come', (name) => {
    const objects = corpusObjects(name);
    const expected = run(objects);
    const order = fc.shuffledSubarray([...objects], { minLength: objects.length });
    fc.assert(
      fc.property(order, (shuffled) => {
        expect(run(shuffled).sections).toEqual(expected.sections);
      }),
      { numRuns: 20 },
    );
  });

  test('in whatever order Services come that want one address: the oldest has it, then the first by name', () => {
    const wanting = (name: string, creationTimestamp?: string) => {
      const spec = { clusterIP: `10.96.1.${name.length}`, externalIPs: ['198.51.100.1'] };
      return [
        { ...service(name, spec), metadata: { name, creationTimestamp } },
        slice(name, [`10.244.1.${name.length}`]),
      ];
    };
    const objects = [
      wanting('bb'),
      wanting('a'),
      wanting('older', '2026-01-01T00:00:00Z'),
      wanting('younger', '2026-01-01T00:00:01Z'),
      [node('node-1', [])],
    ].flat();
    const order = fc.shuffledSubarray(objects, { minLength: objects.length });
    fc.assert(
      fc.property(order, (shuffled) => {
        const result = run(shuffled);
        const winners = linesOf(result).flatMap(
          (line) => / -d 198\.51\.100\.1\/32 .*default\/(\w+):http/.exec(line)?.[1] ?? [],
        );
        expect(winners).toEqual(['older']);
        expect(result.messages).toHaveLength(3);
      }),
    );
  });

  test('from YAML and from JSON', () => {
    const yaml = outcomeOf([join(CORPUS, 'dual-stack', 'cluster.yaml')]);
    expect(run(corpusObjects('dual-stack'))).toEqual(yaml);
  });
});

test('chains are sorted by name', () => {
  for (const { text } of run(corpusObjects('many-slices')).sections) {
    for (const table of text.split('COMMIT\n')) {
      const chains = [...table.matchAll(/^:(KUBE-\S+)/gm)].map(([, name]) => name);
      expect(chains).toEqual(chains.toSorted());
    }
  }
});

test.each([
  [1000, true],
  [1001, false],
])('a cluster of %i endpoints has comments on endpoint rules: %s', (count, comments) => {
  const addresses = Array.from({ length: count }, (_, i) => `10.244.${i >> 8}.${i & 255}`);
  const objects = [service('web', { clusterIP: '10.96.1.10' }), slice('web', addresses), node('node-1', [])];
  const rules = linesOf(run(objects)).filter((line) =>
    /^4 -A KUBE-(SEP-\w+|SVC-\w+ -m .*-j KUBE-SEP)/.test(line),
  );
  expect(rules).toHaveLength(3 * count - (comments ? 0 : 1));
  expect(rules.every((rule) => rule.includes('--comment') === comments)).toBe(true);
});
