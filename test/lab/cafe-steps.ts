import assert from 'node:assert/strict';
import { FAMILIES } from '../../rules/model.ts';
import { CAFE_SERVICES, cafePodAddress, cafeService, idleServices } from './cafe-cluster.ts';
import type { CafeAnswer } from './cafe-guests.ts';
import { ALL_ENTRANCES, type CafeSite, ENTRANCES } from './cafe-site.ts';
import { eventually } from './deadline.ts';
import { ADDRESSES } from './topology.ts';

/** A part of the cafe's day. Each goes on where the one before has stopped. */
export interface CafeStep {
  readonly name: string;
  run(site: CafeSite): Promise<void>;
}

const TEA = CAFE_SERVICES['tea-svc'];
const COFFEE = CAFE_SERVICES['coffee-svc'];
const [CLIENT, CLIENT_IPV6] = FAMILIES.map((family) => ADDRESSES[family].clients[0]);

/** What happens to the cafe while its guests never stop asking. No request may fail, from the first to the last. */
export const CAFE_STEPS: readonly CafeStep[] = [
  {
    name: 'tea and coffee by node port, load balancer and host network, over TLS',
    run: (site) =>
      unnoticed(site, async () => {
        const { guests } = site;
        await guests.everywhere(ALL_ENTRANCES, [...TEA, ...COFFEE]);
        for (const answer of guests.since(0)) {
          const [kind] = String(answer.pod).split('-');
          assert.equal(answer.path, `/${kind}`, 'tea is tea');
          assert.equal(answer.controller, isHost(answer) ? 'ingress-host' : 'ingress-1');
        }
      }),
  },
  {
    name: 'policy Cluster shows nginx the address of the node, but in the host network that of the client',
    run: (site) =>
      unnoticed(site, async () => {
        const seen = await site.guests.more(ALL_ENTRANCES);
        for (const answer of seen) {
          const { bridge } = ADDRESSES[isIPv6(answer) ? 'ipv6' : 'ipv4'];
          assert.equal(answer.forwardedFor, isHost(answer) ? CLIENT : bridge, answer.entrance);
        }
      }),
  },
  {
    name: 'policy Local shows nginx the address of the client',
    run: (site) =>
      unnoticed(site, async () => {
        await site.put([cafeService('ingress-node-port', 'Local')]);
        await site.put([cafeService('ingress-balancer', 'Local')]);
        await site.guests.more(ALL_ENTRANCES);
        for (const answer of await site.guests.more(ALL_ENTRANCES)) {
          assert.equal(answer.forwardedFor, isIPv6(answer) ? CLIENT_IPV6 : CLIENT, answer.entrance);
        }
        const visits = await site.nginx('ingress-1').visits();
        const clients = new Set(visits.slice(-3).map(({ client }) => client));
        for (const client of clients) assert.ok(client === CLIENT || client === CLIENT_IPV6, client);
      }),
  },
  {
    name: 'a headless and an ExternalName Service program nothing',
    run: (site) =>
      unnoticed(site, async () => {
        const before = await Promise.all(FAMILIES.map((family) => site.rules(family)));
        for (const object of idleServices()) site.api.put(object);
        // What comes after them has been programmed: they have been seen.
        await site.change('coffee-svc', ['coffee-1']);
        await site.change('coffee-svc', COFFEE);
        const after = await Promise.all(FAMILIES.map((family) => site.rules(family)));
        for (const [i, rules] of after.entries()) {
          assert.equal(sorted(rules), sorted(before[i] ?? ''));
          assert.doesNotMatch(rules, /tea-headless|beans/);
        }
      }),
  },
  {
    name: 'tea is scaled up',
    run: (site) =>
      unnoticed(site, async () => {
        await site.start('tea-4');
        await site.change('tea-svc', [...TEA, 'tea-4']);
        await site.guests.everywhere(ALL_ENTRANCES, ['tea-4']);
      }),
  },
  {
    name: 'tea-1 is drained: no new guests, and the pots that it pours are filled',
    run: (site) =>
      unnoticed(site, async () => {
        const { guests } = site;
        const pot = await eventually(
          'a pot from tea-1',
          async () => {
            const ordered = await guests.order(ENTRANCES.balancer, '/tea/pot');
            return ordered.pod === 'tea-1' ? ordered : undefined;
          },
          { timeoutMs: 180_000 },
        );
        await site.change('tea-svc', [{ leaving: 'tea-1' }, 'tea-2', 'tea-3', 'tea-4']);
        await guests.more(ALL_ENTRANCES);
        const later = await guests.more(ALL_ENTRANCES, 6);
        assert.deepEqual(
          later.filter(({ pod }) => pod === 'tea-1'),
          [],
          'new guests of one that leaves',
        );
        const quit = site.nginx('tea-1').quit();
        await site.change('tea-svc', ['tea-2', 'tea-3', 'tea-4']);
        const { error, pod } = await pot.whole();
        assert.equal(error, undefined, 'the pot');
        assert.equal(pod, 'tea-1');
        await quit;
      }),
  },
  {
    name: 'tea-2 dies without a word, and nginx asks the cluster IP again until its endpoint is gone',
    run: (site) =>
      unnoticed(site, async () => {
        await site.nginx('tea-2').stop();
        await eventually('nginx has asked twice', async () => {
          const visits = await site.nginx('ingress-1').visits();
          return visits.some(({ upstream }) => upstream.includes(', ')) || undefined;
        });
        await site.change('tea-svc', ['tea-3', 'tea-4']);
        await site.guests.more(ALL_ENTRANCES);
        const pods = new Set((await site.guests.more(ALL_ENTRANCES, 8)).map(({ pod }) => pod));
        assert.deepEqual([...pods].sort(), ['coffee-1', 'coffee-2', 'tea-3', 'tea-4']);
      }),
  },
  {
    name: 'the ingress Pod is replaced',
    run: (site) =>
      unnoticed(site, async () => {
        const services = ['ingress-node-port', 'ingress-balancer'] as const;
        await site.start('ingress-2');
        for (const service of services) await site.change(service, ['ingress-2', { leaving: 'ingress-1' }]);
        await site.guests.more(ALL_ENTRANCES);
        for (const answer of await site.guests.more(ALL_ENTRANCES)) {
          assert.equal(answer.controller, isHost(answer) ? 'ingress-host' : 'ingress-2');
        }
        await site.nginx('ingress-1').quit();
        for (const service of services) await site.change(service, ['ingress-2']);
        await site.guests.more(ALL_ENTRANCES);
      }),
  },
  {
    name: 'all day long no request failed, and the rules know nobody who is gone',
    run: async (site) => {
      const answers = site.guests.since(0);
      assert.deepEqual(failed(answers), [], `of ${answers.length}`);
      for (const family of FAMILIES) {
        const rules = await site.rules(family);
        for (const pod of ['tea-2', 'ingress-1'] as const) {
          assert.ok(!isLedTo(rules, cafePodAddress(family, pod)), `${pod} in the rules of ${family}`);
        }
      }
    },
  },
];

/** No request fails while this happens, among those neither that it began with. */
async function unnoticed(site: CafeSite, happens: () => Promise<void>): Promise<void> {
  const { guests } = site;
  const start = guests.count;
  await happens();
  await guests.more(ALL_ENTRANCES);
  const answers = guests.since(start);
  const bad = failed(answers);
  assert.deepEqual(bad.slice(0, 5), [], `${bad.length} of ${answers.length} requests failed`);
}

function failed(answers: readonly CafeAnswer[]): readonly CafeAnswer[] {
  return answers.filter(({ error }) => error !== undefined);
}

function isHost({ entrance }: CafeAnswer): boolean {
  return entrance === ENTRANCES.hostNetwork.name;
}

function isIPv6({ entrance }: CafeAnswer): boolean {
  return entrance === ENTRANCES.balancerIPv6.name;
}

/** Order does not count among endpoints that came back. */
function sorted(rules: string): string {
  return rules.split('\n').sort().join('\n');
}

/** In ipvs mode an endpoint without weight gets nothing new; it goes when its last connection is forgotten. */
function isLedTo(rules: string, address: string): boolean {
  return rules.split('\n').some((line) => line.includes(address) && !line.endsWith(' -w 0'));
}
