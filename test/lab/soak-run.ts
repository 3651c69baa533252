import { setTimeout as pause } from 'node:timers/promises';
import { ApiTroubles, type TroubleName } from './api-troubles.ts';
import { Churn } from './churn.ts';
import { eventually } from './deadline.ts';
import { METRICS_PORT } from './doorway.ts';
import { LiveNode } from './live-node.ts';
import { service, slices } from './manifest.ts';
import { childrenOf, pidsOf } from './process-tree.ts';
import { Random } from './random.ts';
import { leftOver } from './soak-verdict.ts';
import { ADDRESSES, LOCAL_PODS } from './topology.ts';

export interface SoakOptions {
  /** How long things go on changing, in ms. */
  readonly duration: number;
  readonly seed: number;
  /** Is told of each round. */
  readonly report?: (sample: SoakSample) => void;
}

/** What Fairlead takes in a moment of rest at the end of a round. */
export interface SoakSample {
  /** ms since the start. */
  readonly at: number;
  /** After garbage collection. Bytes. */
  readonly heap: number;
  readonly resident: number;
  readonly files: number;
  /** Names of child processes. */
  readonly children: readonly string[];
  readonly services: number;
}

export interface SoakResult {
  readonly samples: readonly SoakSample[];
  /** What differs between the kernel's rules and a fresh dry run at the end. */
  readonly differences: readonly string[];
  /** Changes made to the cluster. */
  readonly changes: number;
  /** Syncs of both families. */
  readonly syncs: number;
  readonly troubles: ReadonlyMap<TroubleName, number>;
  /** Complete lists of Services, by why. */
  readonly lists: Readonly<Record<'expired' | 'history', number>>;
  /** The exit code at the end. */
  readonly exitCode: number;
}

const COLLECTOR = new URL('./collect-on-signal.ts', import.meta.url).href;
const SERVICES = 100;
const ROUND_MS = 6_000;
const SENTINEL = { n: 10, endpoints: ['pod-a'] } as const;

/**
 * Changes a cluster at random while its API server has every kind of trouble, and looks now and then what following
 * it takes.
 */
export async function soak({ duration, seed, report = () => {} }: SoakOptions): Promise<SoakResult> {
  const api = { bookmarkIntervalMs: 1_000 };
  await using node = await LiveNode.create({ api, objects: service('sentinel', SENTINEL) });
  const random = new Random(seed);
  const churn = new Churn(node.api, random, SERVICES);
  const troubles = new ApiTroubles(node.api, new Random(seed + 1));
  for (let i = 0; i < SERVICES; i++) churn.step();
  const fairlead = await node.start({
    config: 'iptables:\n  syncPeriod: 5s\n',
    env: { NODE_OPTIONS: `--expose-gc --import=${COLLECTOR}` },
  });
  await fairlead.synced();
  const [pid = 0] = await pidsOf(node.namespace, ['--kubeconfig', node.kubeconfig]);

  const started = performance.now();
  const samples: SoakSample[] = [];
  let changes = 0;
  for (let round = 0; performance.now() - started < duration; round++) {
    const stop = AbortSignal.timeout(Math.min(ROUND_MS, duration));
    await Promise.all([
      whileNot(stop, async () => {
        churn.step();
        changes++;
        await pause(random.below(40));
      }),
      whileNot(stop, async () => {
        await pause(random.below(800));
        await troubles.next();
      }),
    ]);
    node.api.faults.clear();
    await settle(node, round);
    process.kill(pid, 'SIGUSR2');
    const metric = async (name: string) => (await node.door.metric(name)) ?? 0;
    const sample = {
      at: performance.now() - started,
      heap: await metric('nodejs_heap_size_used_bytes'),
      resident: await metric('process_resident_memory_bytes'),
      files: await metric('process_open_fds'),
      children: await childrenAtRest(pid),
      services: churn.size,
    };
    samples.push(sample);
    report(sample);
  }

  const lists = async (reason: string) =>
    (await node.door.metric('fairlead_api_lists_total', { resource: 'services', reason })) ?? 0;
  return {
    samples,
    differences: await node.differences(),
    changes,
    syncs: fairlead.syncs('ipv4').length + fairlead.syncs('ipv6').length,
    troubles: troubles.counts,
    lists: { expired: await lists('expired'), history: await lists('history') },
    exitCode: await fairlead.stop(),
  };
}

/** Each syncPeriod a tool looks at the chains, which is over in a moment: what stays is there at every look. */
async function childrenAtRest(pid: number): Promise<readonly string[]> {
  let children = await childrenOf(pid);
  for (let look = 0; look < 10 && leftOver(children).length > 0; look++) {
    await pause(200);
    children = await childrenOf(pid);
  }
  return children;
}

/** Waits until what the cluster is now has arrived in the kernel, watch by watch. */
async function settle(node: LiveNode, round: number): Promise<void> {
  const pod = LOCAL_PODS[round % LOCAL_PODS.length] ?? 'pod-a';
  // One mark for each watch: a port of the Service, and its endpoint.
  const [object] = service('sentinel', { ...SENTINEL, endpoints: [], nodePort: 30_300 + (round % 100) });
  if (object) node.put([object]);
  node.put(slices('sentinel', [pod]));
  await eventually(
    'all that has changed',
    async () => {
      const { text } = await node.door.get(METRICS_PORT, '/debug/rules');
      const marks = [
        `--dport ${30_300 + (round % 100)} `,
        `default/sentinel -> ${ADDRESSES.ipv4.pods[pod]}:8080`,
      ];
      return marks.every((mark) => text.includes(mark)) || undefined;
    },
    { timeoutMs: 60_000 },
  );
  // The processes of the last sync come to their end.
  await node.inStep(60_000);
}

async function whileNot(signal: AbortSignal, step: () => Promise<void>): Promise<void> {
  while (!signal.aborted) await step();
}
