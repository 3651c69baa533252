import { servicePortChains } from '../../rules/names.ts';
import type { BenchNode, ToolRun } from './bench-node.ts';
import { inProxyOrder, partialRewrite, singlePayload } from './classic.ts';
import type { ServicePortName } from './cluster.ts';
import type { Payload } from './recorder.ts';
import { payloadLines } from './recorder.ts';
import { averageLines, type Recording } from './recording.ts';
import type { Case, Measurement } from './result.ts';
import { mean } from './statistics.ts';

export const BARE_TOOL = 'bare tool, same payload';
export const SINGLE_PAYLOAD = 'classic: all in one payload';
export const PARTIAL_REWRITE = 'classic: KUBE-SERVICES and changed chains';
const SAVE = 'bare tool: save';

/** Partial rewrites and saves that are timed. */
const TIMES = 5;

export interface Limits {
  /** All rules, as the dry run prints them. */
  readonly save: string;
  /** Some ServicePorts of the cluster, whose chains partial rewrites write. */
  readonly servicePorts: readonly ServicePortName[];
  readonly recording: Recording;
  /** Cold starts that are timed. */
  readonly starts: number;
  /** Whether to try all rules in one payload, which takes iptables-nft time quadratic in the number of chains. */
  readonly single: boolean;
}

/** Gives the bare tools what a proxy gave them, and what proxies of the classic kind would. */
export async function measureLimits(
  node: BenchNode,
  { save, servicePorts, recording, starts, single }: Limits,
  progress: (text: string) => void,
): Promise<readonly Measurement[]> {
  const out: Measurement[] = [];
  progress('bare tool: cold start');
  const coldStarts: ToolRun[] = [];
  for (let i = 0; i < starts; i++) {
    await node.flush();
    coldStarts.push(await restoreAll(node, recording.coldStart));
  }
  out.push(limit('cold start', [recording.coldStart], coldStarts));
  progress('classic: KUBE-SERVICES and changed chains');
  const rewrites = servicePorts.slice(0, TIMES).map((servicePort) => {
    return [node.payload(partialRewrite(save, servicePortChains(servicePort).cluster))];
  });
  const rewritten = classic(
    'one endpoint changed',
    PARTIAL_REWRITE,
    rewrites,
    await restoreEach(node, rewrites),
  );
  progress('bare tool: changes');
  for (const [which, payloads] of [
    ['one endpoint changed', recording.endpointChanges],
    ['one Service added', recording.additions],
    ['one Service removed', recording.removals],
  ] as const) {
    out.push(limit(which, payloads, await restoreEach(node, payloads)));
  }
  out.push(rewritten, ...(await measureSaves(node)));
  if (single) out.push(...(await measureSingle(node, save, progress)));
  return out;
}

/** Nothing that reads what is there can be faster than reading it. */
async function measureSaves(node: BenchNode): Promise<readonly Measurement[]> {
  const runs: ToolRun[] = [];
  for (let i = 0; i < TIMES; i++) runs.push(await node.timeSave());
  const saves = { ...measurement('restart, nothing changed', SAVE, runs), limit: true as const };
  return [saves, { ...saves, case: 'restart, an endpoint changed meanwhile' }];
}

async function measureSingle(
  node: BenchNode,
  save: string,
  progress: (text: string) => void,
): Promise<readonly Measurement[]> {
  progress('classic: all in one payload, from nothing');
  await node.flush();
  const cold = [node.payload(inProxyOrder(save))];
  const first = await restoreAll(node, cold);
  progress('classic: all in one payload, again');
  const again = [node.payload(singlePayload(inProxyOrder(save)))];
  const second = await restoreAll(node, again);
  return [
    classic('cold start', SINGLE_PAYLOAD, [cold], [first]),
    classic('one endpoint changed', SINGLE_PAYLOAD, [again], [second]),
  ];
}

async function restoreEach(
  node: BenchNode,
  times: readonly (readonly Payload[])[],
): Promise<readonly ToolRun[]> {
  const runs: ToolRun[] = [];
  for (const payloads of times) runs.push(await restoreAll(node, payloads));
  return runs;
}

async function restoreAll(node: BenchNode, payloads: readonly Payload[]): Promise<ToolRun> {
  const total = { ms: 0, cpu: 0 };
  for (const payload of payloads) {
    const { ms, cpu } = await node.restore(payload);
    total.ms += ms;
    total.cpu += cpu;
  }
  return total;
}

function limit(
  which: Case,
  payloads: readonly (readonly Payload[])[],
  runs: readonly ToolRun[],
): Measurement {
  return { ...measurement(which, BARE_TOOL, runs), lines: averageLines(payloads), limit: true };
}

function classic(
  which: Case,
  by: string,
  payloads: readonly (readonly Payload[])[],
  runs: readonly ToolRun[],
): Measurement {
  const lines = payloads.flat().reduce((sum, payload) => sum + payloadLines(payload), 0);
  return { ...measurement(which, by, runs), lines: lines / payloads.length };
}

function measurement(which: Case, by: string, runs: readonly ToolRun[]): Measurement {
  const own = mean(runs.map(({ cpu }) => cpu));
  return { case: which, by, samples: runs.map(({ ms }) => ms), cpu: { own, children: 0 } };
}
