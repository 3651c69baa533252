import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { labHindrance } from '../lab/hindrance.ts';
import { addNamespaces, type Namespace, newPrefix, removeNamespacesSync } from '../lab/namespaces.ts';
import { BACKENDS } from '../lab/suite.ts';
import { IptablesModel, tablesOf } from './iptables.ts';

const hindrance = await labHindrance();
const prefix = newPrefix();
const namespaces = new Map<string, Namespace>();

beforeAll(async () => {
  if (hindrance !== undefined) return;
  for (const backend of BACKENDS) {
    const [namespace] = await addNamespaces([`${prefix}-model-${backend}`]);
    if (namespace) namespaces.set(backend, namespace);
  }
});

afterAll(() => {
  if (hindrance === undefined) removeNamespacesSync(prefix);
});

/** Jumps lead to chains further down only: the kernel refuses loops, and Fairlead makes none. */
const CHAINS = ['KUBE-FW-A', 'KUBE-EXT-A', 'KUBE-SVC-A', 'KUBE-SEP-A', 'KUBE-SEP-B'];

const matches = fc.constantFrom(
  '',
  '-s 10.0.0.1/32 ',
  '-d 10.96.0.1/32 -p tcp -m comment --comment "default/a cluster IP" -m tcp --dport 80 ',
  '-m comment --comment "default/a -> 10.0.0.1:80" -m statistic --mode random --probability 0.50000000000 ',
);

function rule(chain: string): fc.Arbitrary<string> {
  const below = CHAINS.slice(CHAINS.indexOf(chain) + 1);
  return fc
    .tuple(matches, fc.constantFrom('RETURN', 'MARK --set-xmark 0x4000/0x4000', ...below))
    .map(([match, target]) => `${match}-j ${target}`);
}

const chain = fc.constantFrom(...CHAINS);
const change = chain.chain((name) =>
  fc.oneof(
    rule(name).map((text) => `-A ${name} ${text}`),
    rule(name).map((text) => `-I ${name} ${text}`),
    fc.tuple(fc.constantFrom(1, 2, 3), rule(name)).map(([at, text]) => `-I ${name} ${at} ${text}`),
    rule(name).map((text) => `-D ${name} ${text}`),
  ),
);

/** In the order of Fairlead's payloads: what is declared first, what goes last. */
const section = fc
  .record({
    declared: fc.uniqueArray(chain, { maxLength: 4 }),
    changes: fc.array(change, { maxLength: 5 }),
    dropped: fc.uniqueArray(chain, { maxLength: 2 }),
  })
  .map(({ declared, changes, dropped }) =>
    [
      '*nat',
      ...[...declared, ...dropped].map((name) => `:${name} - [0:0]`),
      ...changes,
      ...dropped.map((name) => `-X ${name}`),
      'COMMIT',
      '',
    ].join('\n'),
  );

const everything = ['*nat', ...CHAINS.map((name) => `:${name} - [0:0]`), 'COMMIT', ''].join('\n');
const payloads = fc.array(
  fc.array(section, { minLength: 1, maxLength: 2 }).map((sections) => sections.join('')),
  {
    minLength: 1,
    maxLength: 3,
  },
);

it.each(BACKENDS)(
  'the model takes, refuses and ends up with what iptables-%s-restore does',
  async (backend) => {
    const namespace = namespaces.get(backend);
    if (!namespace) return;
    await fc.assert(
      fc.asyncProperty(payloads, async (inputs) => {
        const model = new IptablesModel();
        await namespace.run([`iptables-${backend}`, '-w', '-t', 'nat', '-F']);
        await namespace.run([`iptables-${backend}`, '-w', '-t', 'nat', '-X']);
        for (const input of [everything, ...inputs]) {
          const real = await accepts(namespace, backend, input);
          expect(accepted(model, input), input).toBe(real);
        }
        const saved = tablesOf(await namespace.run([`iptables-${backend}-save`, '-t', 'nat'])).get('nat');
        const rules = (tables: typeof saved) =>
          Object.fromEntries([...(tables ?? [])].map(([name, { rules }]) => [name, rules] as const));
        expect(rules(model.tables.get('nat'))).toEqual(rules(saved));
      }),
      { numRuns: 25 },
    );
  },
);

async function accepts(namespace: Namespace, backend: string, input: string): Promise<boolean> {
  try {
    await namespace.run([`iptables-${backend}-restore`, '--noflush', '-w', '5'], { input });
    return true;
  } catch {
    return false;
  }
}

function accepted(model: IptablesModel, input: string): boolean {
  try {
    model.restore(input);
    return true;
  } catch {
    return false;
  }
}
