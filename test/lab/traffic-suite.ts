import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FAMILIES } from '../../rules/model.ts';
import { chiSquare, clientsSeen, tally } from './answers.ts';
import type { LabDataplane } from './dataplanes.ts';
import { eventually } from './deadline.ts';
import { FairleadProcess, labConfiguration } from './fairlead-process.ts';
import { Lab } from './lab.ts';
import {
  balancerIP,
  clusterIP,
  externalIP,
  manifest,
  SERVICE_PORT,
  type ServiceOptions,
} from './manifest.ts';
import type { Namespace } from './namespaces.ts';
import type { Answer, RequestOptions, Target } from './probe-protocol.ts';
import { ADDRESSES } from './topology.ts';
import { SERVICES, type ServiceName, trafficCluster } from './traffic-services.ts';

/** For what is dropped: nothing answers, and a request that is answered takes a few milliseconds. */
const DROPPED: RequestOptions = { timeoutMs: 700 };
/** Of a chi-square distribution with two degrees of freedom, exceeded once in 10,000 runs. */
const CRITICAL_DF2 = 18.42;

/**
 * What every Service promises, asked with packets: the tests of one dataplane, inside a group of its own.
 *
 * @returns the lab, once the tests run
 */
export function describeTraffic(dataplane: LabDataplane): () => Lab {
  let lab: Lab;

  beforeAll(async () => {
    lab = await Lab.create();
    const cluster = await lab.file('cluster.yaml', manifest(trafficCluster()));
    const config = await lab.file('config.yaml', labConfiguration());
    const flags = ['--config', config, '--from', cluster, ...dataplane.flags];
    await lab.own(new FairleadProcess(lab.node, flags)).synced();
  }, 60_000);

  afterAll(async () => {
    await lab?.[Symbol.asyncDispose]();
  });

  describe.each(FAMILIES)('%s', (family) => {
    const own = ADDRESSES[family];

    /** Requests from a namespace to an address, at the Service's port of that address. */
    const ask = (
      from: Namespace,
      name: ServiceName,
      to: string,
      options: Options = {},
    ): Promise<readonly Answer[]> => {
      const { source, ...request } = options;
      const nodePort = isNodeAddress(to);
      const service: ServiceOptions = SERVICES[name];
      const target: Target = {
        protocol: service.protocol === 'UDP' ? 'udp' : 'tcp',
        address: to,
        port: nodePort ? (service.nodePort ?? 0) : SERVICE_PORT,
        ...(source === undefined ? {} : { from: source }),
      };
      return lab.from(from).request(target, request);
    };
    const cluster = (name: ServiceName) => clusterIP(family, SERVICES[name].n);
    const isNodeAddress = (address: string) => [own.node, own.loopback, own.bridge].includes(address);

    it('answers on the cluster IP: to a Pod, the node itself and a client outside', async () => {
      for (const from of [lab.pod('pod-a'), lab.node, lab.outside]) {
        const answers = await ask(from, 'hostnames', cluster('hostnames'), { count: 60, parallel: 8 });
        expect(Object.keys(tally(answers)), `who answered ${from.name}`).toEqual(['pod-a', 'pod-b', 'pod-c']);
      }
    });

    it('lets a Pod see which Pod it is that asks', async () => {
      const answers = await ask(lab.pod('pod-b'), 'spread', cluster('spread'), { count: 20 });
      expect(tally(answers)).toMatchObject({ 'pod-a': expect.any(Number), 'pod-d': expect.any(Number) });
      expect(clientsSeen(answers)).toEqual([own.pods['pod-b']]);
    });

    it('masquerades what comes from outside to the cluster IP', async () => {
      const answers = await ask(lab.outside, 'spread', cluster('spread'), { count: 30 });
      expect(Object.keys(tally(answers))).toEqual(['pod-a', 'pod-d']);
      expect(clientsSeen(answers)).toEqual([own.bridge, own.node].sort());
    });

    it('lets a Pod reach itself through its own Service', async () => {
      const answers = await ask(lab.pod('pod-a'), 'selfish', cluster('selfish'), { count: 5 });
      expect(tally(answers)).toEqual({ 'pod-a': 5 });
      expect(clientsSeen(answers)).toEqual([own.bridge]);
    });

    it('answers on the node port: to a client outside, the node itself and a Pod', async () => {
      for (const from of [lab.outside, lab.node, lab.pod('pod-b')]) {
        const answers = await ask(from, 'hostnames', own.node, { count: 60, parallel: 8 });
        expect(Object.keys(tally(answers)), `who answered ${from.name}`).toEqual(['pod-a', 'pod-b', 'pod-c']);
      }
    });

    const loopback = dataplane.loopbackNodePorts.includes(family);
    it(`${loopback ? 'answers' : 'refuses'} on the node port of the loopback address`, async () => {
      const answers = await ask(lab.node, 'hostnames', own.loopback, { count: 5 });
      if (loopback) expect(clientsSeen(answers)).toEqual([own.bridge]);
      else expect(tally(answers)).toEqual({ refused: 5 });
    });

    const secondary = dataplane.secondaryNodePorts;
    it(`${secondary ? 'answers' : 'refuses'} on the node port of an address that is not the Node's`, async () => {
      const answers = await ask(lab.pod('pod-b'), 'spread', own.bridge, { count: 5 });
      const { refused = 0 } = tally(answers);
      expect(refused, JSON.stringify(tally(answers))).toBe(secondary ? 0 : 5);
    });

    it('answers on the external IP: to a client outside, the node itself and a Pod', async () => {
      const to = externalIP(family, SERVICES.hostnames.n);
      for (const from of [lab.outside, lab.node, lab.pod('pod-a')]) {
        const answers = await ask(from, 'hostnames', to, { count: 60, parallel: 8 });
        expect(Object.keys(tally(answers)), `who answered ${from.name}`).toEqual(['pod-a', 'pod-b', 'pod-c']);
      }
    });

    it('answers on the load balancer IP', async () => {
      const to = balancerIP(family, SERVICES.hostnames.n);
      const answers = await ask(lab.outside, 'hostnames', to, { count: 60, parallel: 8 });
      expect(Object.keys(tally(answers))).toEqual(['pod-a', 'pod-b', 'pod-c']);
    });

    it('lets only the source ranges through to the load balancer IP', async () => {
      const to = balancerIP(family, SERVICES.guarded.n);
      const [allowed, refused] = own.clients;
      expect(tally(await ask(lab.outside, 'guarded', to, { source: refused, ...DROPPED }))).toEqual({
        timeout: 1,
      });
      const answers = await ask(lab.outside, 'guarded', to, { source: allowed, count: 10 });
      expect(
        answers.every((answer) => 'pod' in answer),
        JSON.stringify(answers),
      ).toBe(true);
    });

    it('leaves the node port and the cluster IP open to those outside the source ranges', async () => {
      const [, refused] = own.clients;
      for (const to of [own.node, cluster('guarded')]) {
        const [answer] = await ask(lab.outside, 'guarded', to, { source: refused });
        expect(answer, to).toHaveProperty('pod');
      }
    });

    it('keeps the source address with externalTrafficPolicy Local, and uses local endpoints only', async () => {
      const answers = await ask(lab.outside, 'spread-local', own.node, { count: 20 });
      expect(tally(answers)).toEqual({ 'pod-a': 20 });
      expect(clientsSeen(answers)).toEqual([own.clients[0]]);
    });

    it('masquerades with externalTrafficPolicy Cluster, and uses all endpoints', async () => {
      const answers = await ask(lab.outside, 'spread', own.node, { count: 30 });
      expect(Object.keys(tally(answers))).toEqual(['pod-a', 'pod-d']);
      expect(clientsSeen(answers)).toEqual([own.bridge, own.node].sort());
    });

    it('gives Pods and the node all endpoints on a node port with externalTrafficPolicy Local', async () => {
      for (const from of [lab.pod('pod-b'), lab.node]) {
        const answers = await ask(from, 'spread-local', own.node, { count: 30 });
        expect(Object.keys(tally(answers)), `who answered ${from.name}`).toEqual(['pod-a', 'pod-d']);
      }
    });

    it('drops what comes to a node port whose only endpoints are elsewhere, with externalTrafficPolicy Local', async () => {
      expect(tally(await ask(lab.outside, 'elsewhere-local', own.node, DROPPED))).toEqual({ timeout: 1 });
      expect(tally(await ask(lab.pod('pod-a'), 'elsewhere-local', own.node))).toEqual({ 'pod-d': 1 });
    });

    it('uses local endpoints only with internalTrafficPolicy Local, and drops where there are none', async () => {
      for (const from of [lab.pod('pod-b'), lab.node]) {
        const answers = await ask(from, 'spread-internal', cluster('spread-internal'), { count: 20 });
        expect(tally(answers)).toEqual({ 'pod-a': 20 });
      }
      const answers = await ask(
        lab.pod('pod-b'),
        'elsewhere-internal',
        cluster('elsewhere-internal'),
        DROPPED,
      );
      expect(tally(answers)).toEqual({ timeout: 1 });
    });

    it('refuses at once where there is no endpoint', async () => {
      const external = externalIP(family, SERVICES.empty.n);
      const ways: [Namespace, string][] = [
        [lab.pod('pod-a'), cluster('empty')],
        [lab.node, cluster('empty')],
        [lab.outside, cluster('empty')],
        [lab.outside, own.node],
        [lab.node, own.node],
        [lab.outside, external],
        [lab.pod('pod-a'), external],
      ];
      // All at a time: in IPv6 over veth the refusal is back before connect() has let go of the socket, so that
      // only the one for the second SYN counts, a second later. A packet dropped would be five seconds' silence.
      const answers = await Promise.all(ways.map(([from, to]) => ask(from, 'empty', to)));
      for (const [i, [from, to]] of ways.entries()) {
        expect(tally(answers[i] ?? []), `${from.name} to ${to}`).toEqual({ refused: 1 });
      }
    });

    it('serves UDP: on the cluster IP, on the node port, hairpin, and refused where there is no endpoint', async () => {
      for (const [from, to] of [
        [lab.pod('pod-a'), cluster('dns')],
        [lab.node, cluster('dns')],
        [lab.outside, own.node],
      ] as const) {
        const answers = await ask(from, 'dns', to, { count: 60, parallel: 8 });
        expect(Object.keys(tally(answers)), `who answered ${from.name}`).toEqual(['pod-a', 'pod-b', 'pod-c']);
      }
      expect(tally(await ask(lab.pod('pod-a'), 'empty-dns', cluster('empty-dns')))).toEqual({ refused: 1 });
      expect(tally(await ask(lab.outside, 'empty-dns', own.node))).toEqual({ refused: 1 });
    });

    it('spreads requests evenly over the endpoints', async () => {
      const answers = await ask(lab.outside, 'hostnames', cluster('hostnames'), {
        count: 900,
        parallel: 16,
      });
      const counts = tally(answers);
      expect(Object.keys(counts)).toEqual(['pod-a', 'pod-b', 'pod-c']);
      expect(chiSquare(Object.values(counts)), JSON.stringify(counts)).toBeLessThan(CRITICAL_DF2);
    });

    it('keeps a client at its endpoint until its session affinity expires', async () => {
      const podOfClients = () =>
        Promise.all(
          own.clients.map(async (source) => {
            const answers = await ask(lab.outside, 'sticky', cluster('sticky'), { source, count: 10 });
            const [pod, ...others] = Object.keys(tally(answers));
            expect(others, `${source} must stay at ${pod}`).toEqual([]);
            return pod;
          }),
        );
      const before = await podOfClients();
      // Each of the clients is free to go to another Pod once it has been silent for two seconds.
      const after = await eventually(
        'a client that gets another endpoint',
        async () => {
          const now = await podOfClients();
          return now.some((pod, i) => pod !== before[i]) ? now : undefined;
        },
        { pauseMs: 2_500 },
      );
      expect(after).toHaveLength(own.clients.length);
    });

    it('sends nothing new to a terminating endpoint, unless there is no other', async () => {
      const leaving = await ask(lab.pod('pod-c'), 'leaving', cluster('leaving'), { count: 20 });
      expect(tally(leaving)).toEqual({ 'pod-b': 20 });
      const allLeaving = await ask(lab.pod('pod-c'), 'all-leaving', cluster('all-leaving'), { count: 5 });
      expect(tally(allLeaving)).toEqual({ 'pod-a': 5 });
    });
  });

  return () => lab;
}

type Options = RequestOptions & { readonly source?: string };
