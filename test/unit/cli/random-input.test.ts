import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { loadAll } from 'js-yaml';
import { expect, test } from 'vitest';
import { readObjects } from '../../../src/cluster/files.ts';
import { UsageError } from '../../../src/config/usage.ts';
import { type Outcome, outcome } from './outcome.ts';
import { flawsOf } from './save-check.ts';

const FIXTURES = fileURLToPath(new URL('../../../fixtures/', import.meta.url));
const KINDS = ['Service', 'EndpointSlice', 'Endpoints', 'Node', 'ServiceCIDR'] as const;

/** Text that would do harm in a payload, a log or a terminal, and values that are near to good ones. */
const NASTY: readonly unknown[] = [
  '"',
  '\\',
  "'",
  'web" -j ACCEPT',
  'web\n-A INPUT -j ACCEPT',
  'web\r\nCOMMIT',
  '\u2028*nat',
  '\u001b[2J',
  '$(reboot)',
  '-j',
  '! -s',
  '__proto__',
  '',
  ' ',
  'a'.repeat(300),
  '10.0.0.1',
  '10.0.0.1 ',
  '010.0.0.1',
  '10.0.0.1/8',
  ' 10.0.0.0/8 ',
  '10.0.0.0/33',
  '::ffff:10.0.0.1',
  'fe80::1%eth0',
  'fd00::1',
  'fd00::/64',
  '127.0.0.1',
  '0.0.0.0/0',
  'None',
  'TCP',
  'IPv6',
  'Local',
  0,
  1,
  -1,
  1.5,
  80,
  65_536,
  2 ** 53,
  Number.NaN,
  true,
  false,
  null,
  [],
  {},
  [null],
  [[]],
  { name: 'x\ny' },
  { toString: 1 },
];

test('whatever an object has in it, a dry run prints nothing but good rules and single lines', () => {
  const value = fc.oneof({ weight: 2, arbitrary: fc.constantFrom(...NASTY) }, fc.jsonValue({ maxDepth: 3 }));
  const fields = (names: readonly string[], base: object = {}) =>
    fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 4 }).map((odd) => ({ ...base, ...odd }));
  const port = fields(['name', 'port', 'protocol', 'nodePort'], { name: 'http', port: 80 });
  const metadata = { name: 'web', labels: { 'kubernetes.io/service-name': 'web' } };
  const spec = { clusterIP: '10.96.0.1', ports: [{ name: 'http', port: 80 }] };
  const endpoint = fields(['addresses', 'conditions', 'nodeName', 'hints'], { addresses: ['10.244.0.1'] });
  const object = fc.oneof(
    { weight: 1, arbitrary: value },
    {
      weight: 9,
      arbitrary: fc.record({
        metadata: fc.oneof(fc.constant(metadata), fields(['name', 'namespace', 'labels'], metadata)),
        spec: fc.oneof(
          fields(SPEC_FIELDS, spec),
          fc.array(port).map((ports) => ({ ...spec, ports })),
          value,
        ),
        status: fc.oneof(fields(['loadBalancer', 'addresses']), value),
        addressType: fc.oneof(fc.constantFrom('IPv4', 'IPv6'), value),
        endpoints: fc.oneof(fc.array(endpoint), value),
        ports: fc.oneof(fc.array(port), value),
        subsets: fc.oneof(fc.array(fields(['addresses', 'notReadyAddresses', 'ports'])), value),
      }),
    },
  );
  const objects = fc.array(fc.tuple(fc.constantFrom(...KINDS), object), { maxLength: 8 });
  fc.assert(
    fc.property(objects, (all) => {
      check(
        outcome((tracker) => {
          for (const [kind, raw] of all) tracker.upsert(kind, raw);
        }),
      );
    }),
    { numRuns: 500 },
  );
});

const SPEC_FIELDS = [
  'type',
  'clusterIP',
  'clusterIPs',
  'ipFamilies',
  'ports',
  'externalIPs',
  'loadBalancerSourceRanges',
  'externalTrafficPolicy',
  'internalTrafficPolicy',
  'sessionAffinity',
  'sessionAffinityConfig',
  'healthCheckNodePort',
  'podCIDRs',
  'podCIDR',
  'cidrs',
];

test('a cluster with some values replaced, taken out or moved gives nothing but good rules', () => {
  const clusters = corpus();
  const change = fc.record({
    at: fc.nat(),
    how: fc.constantFrom('replace', 'remove', 'wrap', 'take from elsewhere'),
    value: fc.oneof(fc.constantFrom(...NASTY), fc.jsonValue({ maxDepth: 2 })),
    from: fc.nat(),
  });
  const scenario = fc.record({
    cluster: fc.constantFrom(...clusters),
    changes: fc.array(change, { minLength: 1, maxLength: 12 }),
  });
  fc.assert(
    fc.property(scenario, ({ cluster, changes }) => {
      const root = structuredClone(cluster);
      for (const { at, how, value, from } of changes) {
        const places = placesIn(root);
        const place = places[at % places.length];
        if (!place) continue;
        const elsewhere = places[from % places.length]?.get();
        if (how === 'remove') place.remove();
        else if (how === 'wrap') place.set([place.get()]);
        else place.set(structuredClone(how === 'replace' ? value : elsewhere));
      }
      check(
        outcome((tracker, warn) => {
          const text = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: root });
          for (const { kind, object } of readObjects(text, 'cluster.json', warn))
            tracker.upsert(kind, object);
        }),
      );
    }),
    { numRuns: 300 },
  );
});

test('a text that is no manifest is refused with its name, never with a stack', () => {
  const good = readFileSync(`${FIXTURES}bad-input/good.yaml`, 'utf8');
  const piece = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ':',
    ' ',
    '\n',
    '- ',
    '&a ',
    '*a',
    '"',
    "'",
    '---\n',
    '<<: ',
    '|',
    '#',
  );
  const anything = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(piece).map((all) => all.join('')),
    fc.json(),
  );
  const broken = fc
    .tuple(fc.nat(good.length), fc.nat(40), anything)
    .map(([at, length, text]) => good.slice(0, at) + text + good.slice(at + length));
  fc.assert(
    fc.property(fc.oneof(anything, broken), (text) => {
      try {
        readObjects(text, 'some.yaml', (message) => expect(message).toMatch(/^some\.yaml/));
      } catch (error) {
        if (!(error instanceof UsageError)) throw error;
        expect(error.message).toMatch(/^some\.yaml:\d+(:\d+)?: .+$/);
      }
    }),
    { numRuns: 2000 },
  );
});

function check({ exitCode, messages, sections }: Outcome): void {
  expect({
    exitCode,
    messages: messages.filter((message) => !/^[^\p{C}\p{Zl}\p{Zp}]{1,600}$/u.test(message)),
  }).toEqual({
    exitCode: 0,
    messages: [],
  });
  expect(sections.flatMap(({ text }) => flawsOf(text))).toEqual([]);
}

/** The objects of each cluster of the corpus. */
function corpus(): readonly (readonly unknown[])[] {
  const folder = `${FIXTURES}kube-proxy-1.36/`;
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => {
      const documents = loadAll(readFileSync(`${folder}${name}/cluster.yaml`, 'utf8'));
      return documents.flatMap((document) => (document as { items: unknown[] }).items).slice(0, 60);
    });
}

interface PlaceInJson {
  readonly get: () => unknown;
  readonly set: (value: unknown) => void;
  readonly remove: () => void;
}

/** Every value in a JSON value, from the outside in. */
function placesIn(container: unknown, found: PlaceInJson[] = []): PlaceInJson[] {
  if (typeof container !== 'object' || container === null) return found;
  const inner = container as Record<string, unknown>;
  for (const key of Object.keys(inner)) {
    found.push({
      get: () => inner[key],
      set: (value) => {
        inner[key] = value;
      },
      remove: () => {
        if (Array.isArray(inner)) inner.splice(Number(key), 1);
        else delete inner[key];
      },
    });
    placesIn(inner[key], found);
  }
  return found;
}
