import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { adoptTable } from '../../rules/nftables/adopt.ts';
import { labHindrance } from '../lab/hindrance.ts';
import { addNamespaces, type Namespace, newPrefix, removeNamespacesSync } from '../lab/namespaces.ts';
import { NftModel } from './nftables.ts';
import { ROWS, START } from './nftables-rows.ts';

const hindrance = await labHindrance();
const prefix = newPrefix();
let namespace: Namespace | undefined;

beforeAll(async () => {
  if (hindrance === undefined) [namespace] = await addNamespaces([`${prefix}-model`]);
});

afterAll(() => {
  if (hindrance === undefined) removeNamespacesSync(prefix);
});

const CHAINS = ['a', 'b', 'c'] as const;
const chain = fc.constantFrom(...CHAINS);
/** Rules lead to chains further down only: the kernel refuses loops, and Fairlead makes none. */
const rule = chain.chain((name) => {
  const below = CHAINS.slice(CHAINS.indexOf(name) + 1);
  const texts = ['drop', 'ip saddr @s drop', ...below.map((target) => `goto ${target}`)];
  return fc.constantFrom(...texts).map((text) => `add rule ip t ${name} ${text}`);
});
const key = fc.constantFrom('192.0.2.1', '192.0.2.2');
const command = fc.oneof(
  chain.map((name) => `add chain ip t ${name}`),
  chain.map((name) => `flush chain ip t ${name}`),
  chain.map((name) => `delete chain ip t ${name}`),
  fc.constant('add set ip t s { type ipv4_addr ; }'),
  fc.constant('delete set ip t s'),
  fc.tuple(key, chain).map(([each, name]) => `add element ip t m { ${each} : goto ${name} }`),
  key.map((each) => `delete element ip t m { ${each} }`),
  rule,
  rule,
);
const BEGINNING = 'add table ip t\nadd map ip t m { type ipv4_addr : verdict ; }\n';

it('takes, refuses and ends up with what nft does', async (test) => {
  const node = namespace ?? test.skip(hindrance);
  for (const [what, payload, refused] of ROWS) {
    await node.run(['nft', '-f', '-'], { input: `flush ruleset\n${START}` });
    expect(await accepts(node, payload), what).toBe(refused === undefined);
  }
});

it('takes, refuses and ends up with what nft does, whatever comes', async (test) => {
  const node = namespace ?? test.skip(hindrance);
  const payloads = fc.array(fc.array(command, { minLength: 1, maxLength: 4 }), {
    minLength: 3,
    maxLength: 8,
  });
  await fc.assert(
    fc.asyncProperty(payloads, async (transactions) => {
      await node.run(['nft', 'flush', 'ruleset']);
      const model = new NftModel();
      for (const commands of [[BEGINNING.trim()], ...transactions]) {
        const payload = `${commands.join('\n')}\n`;
        const real = await accepts(node, payload);
        expect(accepted(model, payload), payload).toBe(real);
      }
      const listed = adoptTable(await node.run(['nft', '-s', 'list', 'table', 'ip', 't']));
      expect(adoptTable(model.list('ip t') ?? '')).toEqual(listed);
    }),
    { numRuns: 40 },
  );
});

async function accepts(node: Namespace, payload: string): Promise<boolean> {
  try {
    await node.run(['nft', '-f', '-'], { input: payload });
    return true;
  } catch {
    return false;
  }
}

function accepted(model: NftModel, payload: string): boolean {
  try {
    model.apply(payload);
    return true;
  } catch {
    return false;
  }
}
